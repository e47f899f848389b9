namespace Headwater.EndToEnd;

/// <summary>What became of the deliveries to all clients together.</summary>
internal sealed record Verdict(long Delivered, long Lost, long Duplicated, long Reordered, int Resets, int Connections)
{
    public bool IsExact => Lost == 0 && Duplicated == 0 && Reordered == 0 && Resets == 0;
}

/// <summary>Compares what each client got with what is in the log.</summary>
internal static class Auditor
{
    public static Verdict Judge(IReadOnlyList<int> log, IEnumerable<AuditedClient> clients)
    {
        var verdict = new Verdict(0, 0, 0, 0, 0, 0);
        foreach (var client in clients)
        {
            var got = client.Positions.ToHashSet();
            var reordered = 0;
            for (var i = 1; i < client.Positions.Count; i++)
                if (client.Positions[i] < client.Positions[i - 1])
                    reordered++;
            verdict = new Verdict(
                verdict.Delivered + client.Positions.Count,
                verdict.Lost + log.Count(position => !got.Contains(position)),
                verdict.Duplicated + client.Positions.Count - got.Count,
                verdict.Reordered + reordered,
                verdict.Resets + client.Resets,
                verdict.Connections + client.Connections);
        }

        return verdict;
    }
}
