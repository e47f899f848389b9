using JasperFx.Events;
using Marten;
using Marten.Events.Aggregation;

namespace Headwater.Bench.Peers;

/// <summary>A row for each stream.</summary>
public sealed record CounterTotal(string Id, long Sum, long Count);

/// <summary>
/// Marten's projection of the counters, folded by a method of its own instead of a generated one, with the cache and the page size that
/// its documentation advises for rebuilds.
/// </summary>
public sealed partial class MartenTotals : SingleStreamProjection<CounterTotal, string>
{
    public const string ProjectionName = "totals";

    public MartenTotals()
    {
        Name = ProjectionName;
        Options.CacheLimitPerTenant = 2 * Interleaved.Streams;
        Options.BatchSize = 5_000;
    }

    public override CounterTotal? Evolve(CounterTotal? snapshot, string id, IEvent e)
    {
        snapshot ??= new CounterTotal(id, 0, 0);
        return e.Data is CounterEvent.Added added ? snapshot with { Sum = snapshot.Sum + added.Amount, Count = snapshot.Count + 1 } : snapshot;
    }

    internal static async Task Fill(DocumentStore store, int events)
    {
        foreach (var batch in Interleaved.Batches(events))
        {
            await using var session = store.LightweightSession();
            foreach (var (stream, added) in batch)
                session.Events.Append($"counter-{stream}", added);
            await session.SaveChangesAsync();
        }
    }

    internal static async Task Rebuild(DocumentStore store)
    {
        using var daemon = await store.BuildProjectionDaemonAsync();
        await daemon.RebuildProjectionAsync(ProjectionName, TimeSpan.FromHours(1), CancellationToken.None);
    }

    /// <returns>How many rows differ from a fold in memory, and how many events are in the log and in the rows.</returns>
    internal static async Task<string> Wrong(DocumentStore store, int events)
    {
        await using var session = store.QuerySession();
        var rows = (await session.Query<CounterTotal>().ToListAsync()).ToDictionary(row => row.Id);
        var wrong = Interleaved.Totals(events).Index().Count(each => each.Item.Count > 0
            && (!rows.TryGetValue($"counter-{each.Index}", out var row) || (row.Sum, row.Count) != each.Item));
        var statistics = await store.Advanced.FetchEventStoreStatistics();
        return $"{wrong} (of {events} events {statistics.EventCount} are in its log and {rows.Values.Sum(row => row.Count)} in its rows)";
    }
}
