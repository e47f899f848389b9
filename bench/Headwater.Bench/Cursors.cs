using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.Bench;

/// <summary>Many cursors in one process follow the log: how often is the store read?</summary>
internal static class Cursors
{
    private const int CursorCount = 5000;
    private const int EventCount = 500;
    private const int MostReads = 600;

    public static async Task<bool> Run()
    {
        CountingStore counting = null!;
        await using var bench = await BenchHost.Start(headwater =>
        {
            var real = headwater.Services.Single(service => service.ServiceType == typeof(ILogStore));
            headwater.Services.Remove(real);
            headwater.Services.AddSingleton<ILogStore>(provider => counting = new CountingStore((ILogStore)real.ImplementationFactory!(provider)));
        });

        var start = (await bench.Log.Head()).Position;
        var followers = Enumerable.Range(0, CursorCount).Select(_ => Follow(bench.Log, start)).ToList();
        var before = counting.Reads;
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        for (var i = 0; i < EventCount; i++)
            await bench.Log.Append(new StreamId("counter", $"{i % 10}"), ExpectedVersion.Any, [new CounterEvent.Added(i, "")]);
        var firsts = (await Task.WhenAll(followers)).Distinct().Count();
        cpu = Process.GetCurrentProcess().TotalProcessorTime - cpu;

        var reads = counting.Reads - before;
        var passed = reads <= MostReads && firsts == 1;
        Console.WriteLine($"cursors: {CursorCount:N0} cursors followed {EventCount} events with {reads} store reads (at most {MostReads}), "
            + $"{cpu.TotalMicroseconds / CursorCount / EventCount:F2} µs CPU per event and cursor, each event decoded once: {firsts == 1}. {(passed ? "PASS" : "FAIL")}");
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
