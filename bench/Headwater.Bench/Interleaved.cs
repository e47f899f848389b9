namespace Headwater.Bench;

/// <summary>Events of all streams in turn, as in real logs, and each turn in another order.</summary>
internal static class Interleaved
{
    public const int Streams = 10_000;
    private const int BatchSize = 500;

    /// <summary>The same at each call. No stream comes twice in a batch.</summary>
    public static IEnumerable<(int Stream, CounterEvent.Added Event)[]> Batches(int events)
    {
        var order = Enumerable.Range(0, Streams).ToArray();
        var random = new Random(1);
        var i = 0;
        while (i < events)
        {
            random.Shuffle(order);
            foreach (var streams in order.Take(events - i).Chunk(BatchSize).ToArray())
                yield return [.. streams.Select(stream => (stream, new CounterEvent.Added(i++, "a note of usual length, as people write them")))];
        }
    }

    /// <summary>Their fold in memory.</summary>
    public static (long Sum, long Count)[] Totals(int events)
    {
        var totals = new (long Sum, long Count)[Streams];
        foreach (var batch in Batches(events))
            foreach (var (stream, added) in batch)
                totals[stream] = (totals[stream].Sum + added.Amount, totals[stream].Count + 1);
        return totals;
    }
}
