using System.Text.Json.Serialization;

namespace Headwater.Bench;

internal sealed record Counter(long Sum) : IState<Counter, CounterEvent>
{
    public static Counter Initial { get; } = new(0L);

    public static Counter Evolve(Counter counter, CounterEvent happened) =>
        happened is CounterEvent.Added e ? new Counter(counter.Sum + e.Amount) : counter;
}

internal sealed record CounterRow(string Key, long Sum, long Count);

internal sealed class CounterTotals : IProjection<CounterRow>
{
    public async ValueTask Apply(RecordedEvent happened, Rows<CounterRow> rows, CancellationToken cancel)
    {
        var key = happened.Stream.Key;
        var row = await rows.Get(key, cancel) ?? new CounterRow(key, 0, 0);
        rows.Set(key, row with { Sum = row.Sum + ((CounterEvent.Added)happened.Event).Amount, Count = row.Count + 1 });
    }
}

[JsonSerializable(typeof(CounterEvent))]
[JsonSerializable(typeof(CounterRow))]
internal sealed partial class CounterJson : JsonSerializerContext;
