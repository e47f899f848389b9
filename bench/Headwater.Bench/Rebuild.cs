using System.Globalization;
using System.Text.Json;

namespace Headwater.Bench;

/// <summary>How fast a projection is built from zero, and whether it is right.</summary>
internal static class Rebuild
{
    private const int KeyCount = 10_000;
    private const int BatchSize = 500;

    public static async Task<bool> Run(string[] args)
    {
        var events = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1_000_000;
        using var scratch = new Scratch();
        await using var application = await Application.Start(headwater => headwater
            .UseSqlite(scratch.Path).UseJson(CounterJson.Default).AddStream<Counter, CounterEvent>("counter")
            .AddProjection<CounterTotals, CounterRow>("totals", totals => totals.KeyedByStream("counter")));
        var subscriptions = application.Get<Subscriptions>();
        var sums = await Fill(application.Get<Log>(), events);
        await CaughtUp(subscriptions, generation: 0);

        var cost = await Cost.Of(events, async () =>
        {
            await subscriptions.Rebuild("totals");
            await CaughtUp(subscriptions, generation: 1);
        });

        var wrong = await Wrong(application.Get<IReadModelStore>(), sums);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"""
            {events:N0} events of {KeyCount:N0} streams in turn, into a row each, in {cost.Elapsed.TotalSeconds:N1} s: {1e6 / cost.ProcessorMicros:N0} events per CPU-second
            rows that differ from a fold in memory: {wrong}: {(wrong == 0 ? "PASS" : "FAIL")}
            """));
        return wrong == 0;
    }

    /// <summary>Appends events of all streams in turn, as real logs are, and folds them in memory.</summary>
    private static async Task<long[]> Fill(Log log, int events)
    {
        var sums = new long[KeyCount];
        for (var i = 0; i < events;)
        {
            var batch = new List<StreamAppend>();
            for (; batch.Count < BatchSize && i < events; i++)
            {
                sums[i % KeyCount] += i;
                batch.Add(log.Prepare(new StreamId("counter", $"{i % KeyCount}"), ExpectedVersion.Any, [new CounterEvent.Added(i, "a note of usual length, as people write them")]));
            }

            await log.Append(batch, CancellationToken.None);
            if (i % 100_000 == 0)
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{i:N0} of {events:N0} events appended"));
        }

        return sums;
    }

    private static async Task CaughtUp(Subscriptions subscriptions, int generation)
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

    private static async Task<int> Wrong(IReadModelStore store, long[] sums)
    {
        var wrong = 0;
        for (var key = 0; key < sums.Length; key++)
        {
            var page = await store.ReadRow("totals", $"{key}", CancellationToken.None);
            var row = page.Rows.Count == 0 ? null : JsonSerializer.Deserialize(page.Rows[0].Data!.Value.Span, CounterJson.Default.CounterRow);
            if (row?.Sum != sums[key])
                wrong++;
        }

        return wrong;
    }
}
