using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Headwater.Bench;

[JsonDerivedType(typeof(Added), "counter-added")]
internal abstract record CounterEvent
{
    public sealed record Added(int Amount, string Note) : CounterEvent;
}

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

/// <summary>A host with the log on SQLite in a folder of its own, which goes with it.</summary>
internal sealed class BenchHost : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("headwater-bench-").FullName;
    private readonly IHost host;

    private BenchHost(Action<HeadwaterBuilder> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.ClearProviders();
        builder.Services.AddHeadwater(headwater => configure(headwater
            .UseSqlite(Path.Combine(folder, "bench.db"))
            .UseJson(CounterJson.Default)
            .AddStream<Counter, CounterEvent>("counter")));
        host = builder.Build();
    }

    public IServiceProvider Services => host.Services;

    public Log Log => Services.GetRequiredService<Log>();

    public static async Task<BenchHost> Start(Action<HeadwaterBuilder> configure)
    {
        var bench = new BenchHost(configure);
        await bench.host.StartAsync();
        return bench;
    }

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync();
        host.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
