namespace Headwater;

/// <summary>Leases in memory, for several nodes in one process.</summary>
internal sealed class MemoryLeaseStore(TimeProvider time) : ILeaseStore
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, (NodeInfo Node, DateTimeOffset AliveUntil)> nodes = [];
    private readonly Dictionary<string, Lease> leases = [];     // the expired ones too: their fences go on from there

    public ValueTask<LeaseTable> Renew(NodeInfo node, IReadOnlyList<string> wanted, TimeSpan duration, CancellationToken cancel)
    {
        lock (gate)
        {
            var now = time.GetUtcNow();
            nodes[node.Id] = (node, now + duration);
            foreach (var name in wanted)
            {
                if (!leases.TryGetValue(name, out var lease) || lease.ExpiresAt <= now)
                    leases[name] = new Lease(name, node.Id, (lease?.Fence ?? 0) + 1, now + duration);
                else if (lease.Owner == node.Id)
                    leases[name] = lease with { ExpiresAt = now + duration };
            }

            return ValueTask.FromResult(new LeaseTable(
                [.. nodes.Values.Where(each => each.AliveUntil > now).Select(each => each.Node)],
                [.. leases.Values.Where(lease => lease.ExpiresAt > now)]));
        }
    }

    public ValueTask Release(string node, CancellationToken cancel)
    {
        lock (gate)
        {
            nodes.Remove(node);
            foreach (var lease in leases.Values.Where(lease => lease.Owner == node).ToList())
                leases[lease.Name] = lease with { ExpiresAt = DateTimeOffset.MinValue };
            return ValueTask.CompletedTask;
        }
    }
}
