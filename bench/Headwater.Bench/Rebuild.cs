using System.Globalization;
using System.Text.Json;

namespace Headwater.Bench;

/// <summary>How fast a projection is built from zero, and whether it is right.</summary>
internal static class Rebuild
{
    public static async Task<bool> Run(string[] args)
    {
        var events = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1_000_000;
        using var scratch = new Scratch();
        await using var application = await Application.Start(headwater => Declare(headwater.UseSqlite(scratch.Path)));
        await Fill(application.Get<Log>(), events);
        await CaughtUp(application.Get<Subscriptions>(), generation: 0);

        var cost = await Cost.Of(events, () => Again(application, generation: 1));

        var wrong = await Wrong(application.Get<IReadModelStore>(), events);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"""
            {events:N0} events of {Interleaved.Streams:N0} streams in turn, into a row each, in {cost.Elapsed.TotalSeconds:N1} s: {1e6 / cost.ProcessorMicros:N0} events per CPU-second
            rows that differ from a fold in memory: {wrong}: {(wrong == 0 ? "PASS" : "FAIL")}
            """));
        return wrong == 0;
    }

    public static void Declare(HeadwaterBuilder headwater) => headwater
        .UseJson(CounterJson.Default).AddStream<Counter, CounterEvent>("counter")
        .AddProjection<CounterTotals, CounterRow>("totals", totals => totals.KeyedByStream("counter"));

    public static async Task Fill(Log log, int events)
    {
        foreach (var batch in Interleaved.Batches(events))
            await log.Append(
                [.. batch.Select(each => log.Prepare(new StreamId("counter", $"{each.Stream}"), ExpectedVersion.Any, [each.Event]))], CancellationToken.None);
    }

    /// <summary>Builds the projection again, to its end.</summary>
    public static async Task Again(Application application, int generation)
    {
        var subscriptions = application.Get<Subscriptions>();
        await subscriptions.Rebuild("totals");
        await CaughtUp(subscriptions, generation);
    }

    public static async Task CaughtUp(Subscriptions subscriptions, int generation)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (await pause.WaitForNextTickAsync())
        {
            var status = (await subscriptions.Status()).Single();
            if (status.Failure is { } failure)
                throw new InvalidOperationException(failure);
            if (status.Generation == generation && status.LagEvents == 0)
                return;
        }
    }

    /// <returns>How many rows differ from a fold in memory.</returns>
    public static async Task<int> Wrong(IReadModelStore store, int events)
    {
        var wrong = 0;
        foreach (var (stream, total) in Interleaved.Totals(events).Index().Where(each => each.Item.Count > 0))
        {
            var page = await store.ReadRow("totals", $"{stream}", CancellationToken.None);
            var row = page.Rows.Count == 0 ? null : JsonSerializer.Deserialize(page.Rows[0].Data!.Value.Span, CounterJson.Default.CounterRow);
            if ((row?.Sum, row?.Count) != (total.Sum, total.Count))
                wrong++;
        }

        return wrong;
    }
}
