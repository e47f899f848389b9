using System.Globalization;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.Bench;

/// <summary>Many cursors in one process follow the log: how often is the store read?</summary>
internal static class Cursors
{
    private const int CursorCount = 5000;
    private const int EventCount = 500;
    private const int MostReads = 600;

    public static async Task<bool> Run(string[] args)
    {
        CountingStore counting = null!;
        using var scratch = new Scratch();
        await using var application = await Application.Start(headwater =>
        {
            headwater.UseSqlite(scratch.Path).UseJson(CounterJson.Default).AddStream<Counter, CounterEvent>("counter");
            var real = headwater.Services.Single(service => service.ServiceType == typeof(ILogStore));
            headwater.Services.Remove(real);
            headwater.Services.AddSingleton<ILogStore>(provider => counting = new CountingStore((ILogStore)real.ImplementationFactory!(provider)));
        });

        var log = application.Get<Log>();
        var start = (await log.Head()).Position;
        var followers = Enumerable.Range(0, CursorCount).Select(_ => Follow(log, start)).ToList();
        var before = counting.Reads;
        var cost = await Cost.Of(CursorCount * EventCount, async () =>
        {
            for (var i = 0; i < EventCount; i++)
                await log.Append(new StreamId("counter", $"{i % 10}"), ExpectedVersion.Any, [new CounterEvent.Added(i, "")]);
            await Task.WhenAll(followers);
        });

        var reads = counting.Reads - before;
        var decodedOnce = (await Task.WhenAll(followers)).Distinct().Count() == 1;
        var passed = reads <= MostReads && decodedOnce;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"""
            {CursorCount:N0} cursors followed {EventCount} events, appended one by one: {cost.ProcessorMicros:N2} µs of processor for each event and cursor
            the first event was decoded once for all of them: {decodedOnce}
            store reads {reads}, at most {MostReads}: {(passed ? "PASS" : "FAIL")}
            """));
        return passed;
    }

    /// <summary>Follows to the last event, and gives back the decoded first one, which must be the same object for all.</summary>
    private static async Task<object> Follow(Log log, Position after)
    {
        object? first = null;
        var seen = 0;
        await foreach (var page in log.Follow(LogFilter.Everything, after))
        {
            if (page.Events.Count > 0)
                first ??= page.Events[0].Event;
            seen += page.Events.Count;
            if (seen >= EventCount)
                break;
        }

        return first!;
    }
}
