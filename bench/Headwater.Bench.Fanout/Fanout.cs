using System.Diagnostics;
using System.Globalization;

namespace Headwater.Bench.Fanout;

/// <summary>
/// One message to many connections: what each delivery costs the server, ours and those that people would take instead. The rounds of
/// all are interleaved; figures are medians, and ratios the medians of those within each round.
/// </summary>
internal static class Fanout
{
    private const int Rounds = 3;

    private static readonly string[] websocket = ["Upgrade: websocket"];
    private static readonly string sources = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../.."));

    public static async Task<int> Run(string[] args)
    {
        Build("load");
        Build("limit");
        var only = args.Where(arg => !int.TryParse(arg, out _)).ToHashSet();
        int[] numbers = [.. args.Select(arg => int.TryParse(arg, out var number) ? number : 0).Where(number => number > 0)];
        foreach (var connections in numbers.Length > 0 ? numbers : [1_000, 10_000])
            await Race(connections, only);
        return 0;
    }

    private static async Task Race(int connections, HashSet<string> only)
    {
        var contenders = new List<Contender>();
        var scratch = Directory.CreateTempSubdirectory("headwater-fanout-");
        try
        {
            await Enter("limit", port => new(Path.Combine(AppContext.BaseDirectory, "limit"), [$"{port}"]), "/publish", "/events");
            await Enter("topic", Own("topic"), "/topics/all?event=said", "/feeds/all");
            await Enter("durable", Own("durable"), "/publish", "/feeds/messages");
            await Enter("aspnet", Own("aspnet"), "/publish", "/events");
            await Enter("signalr", Own("signalr"), ["/publish", "/hub", .. websocket, "--", "{\"protocol\":\"json\",\"version\":1}\u001e"]);
            await Enter("nchan", Nchan, "/publish", "/events", "Accept: text/event-stream");
            await Enter("nchan-ws", Nchan, ["/publish", "/events", .. websocket]);
            await Enter("socket-io", Node("socket-io"), ["/publish", "/socket.io/?EIO=4&transport=websocket", .. websocket, "--", "40"]);
            await Enter("better-sse", Node("better-sse"), "/publish", "/events");

            for (var round = 0; round <= Rounds; round++)
            {
                Console.WriteLine(round == 0 ? "warm-up" : $"round {round} of {Rounds}");
                for (var turn = 0; turn < contenders.Count; turn++)
                {
                    var contender = contenders[(round + turn) % contenders.Count];
                    var locked = await contender.Measure($"lock {200_000 / connections}");
                    var flooded = await contender.Measure($"flood {1_000_000 / connections}");
                    var steady = await contender.Measure($"rate {40_000 / connections} {20_000 / connections}");
                    if (round == 0)
                        continue;
                    contender.Locks.Add(locked);
                    contender.Floods.Add(flooded);
                    contender.Steady.Add(steady);
                }
            }

            Report(connections, contenders);
        }
        finally
        {
            foreach (var contender in contenders)
                await contender.DisposeAsync();
            scratch.Delete(recursive: true);
        }

        async Task Enter(string name, Func<int, ProcessStartInfo> start, params IEnumerable<string> request)
        {
            if (only.Count > 0 && !only.Contains(name))
                return;
            Console.WriteLine($"{name}: {connections:N0} connections");
            contenders.Add(await Contender.Start(name, connections, start, request));
        }

        ProcessStartInfo Nchan(int port)
        {
            var folder = scratch.CreateSubdirectory($"nchan-{port}").FullName;
            var settings = Path.Combine(folder, "nginx.conf");
            File.WriteAllText(settings, File.ReadAllText(Path.Combine(sources, "peers", "nchan.conf"))
                .Replace("{folder}", folder, StringComparison.Ordinal).Replace("{port}", $"{port}", StringComparison.Ordinal));
            return new("nginx", ["-c", settings, "-p", folder, "-e", Path.Combine(folder, "error.log")]);
        }
    }

    private static void Report(int connections, List<Contender> contenders)
    {
        var limit = contenders[0];
        Console.WriteLine();
        Console.WriteLine($"{connections:N0} connections, 200 bytes; µs of the server's processor for each delivery; medians of {Rounds} rounds; to {limit.Name}");
        Console.WriteLine($"{"",-16} {"lockstep",9} {"to",6} {"flood",9} {"to",6} {"flood/s",12} {"p50 ms",8} {"p99 ms",8} {"idle kB",8} {"connected",10}");
        foreach (var each in contenders)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{each.Name,-16} {Median(each.Locks.Select(round => round.Micros)),9:N2} {Ratio(each.Locks, limit.Locks),6:N2} {Median(each.Floods.Select(round => round.Micros)),9:N2} {Ratio(each.Floods, limit.Floods),6:N2} {Median(each.Floods.Select(round => round.Rate)),12:N0} {Median(each.Steady.Select(round => round.MedianMicros / 1000.0)),8:N2} {Median(each.Steady.Select(round => round.SlowMicros / 1000.0)),8:N2} {each.IdleKilobytes,8:N1} {each.Connecting.TotalSeconds,9:N2}s"));
        Console.WriteLine();
    }

    private static double Ratio(List<Round> own, List<Round> others) => Median(own.Zip(others, (each, other) => each.Micros / other.Micros));

    private static double Median(IEnumerable<double> figures)
    {
        var sorted = figures.Order().ToList();
        return sorted[sorted.Count / 2];
    }

    private static Func<int, ProcessStartInfo> Own(string name) => port => new(Path.Combine(AppContext.BaseDirectory, "Headwater.Bench.Fanout"), ["serve", name, $"{port}"]);

    private static Func<int, ProcessStartInfo> Node(string name)
    {
        if (!Directory.Exists(Path.Combine(sources, "peers", "node_modules")))
            throw new InvalidOperationException("The peers on Node are not there. Say 'npm install --prefix bench/Headwater.Bench.Fanout/peers' first.");
        return port => new("node", [Path.Combine(sources, "peers", $"{name}.mjs"), $"{port}"]);
    }

    private static void Build(string name)
    {
        using var compiler = Process.Start("g++", ["-O2", "-std=c++20", "-o", Path.Combine(AppContext.BaseDirectory, name), Path.Combine(sources, $"{name}.cpp")]);
        compiler.WaitForExit();
        if (compiler.ExitCode != 0)
            throw new InvalidOperationException($"{name}.cpp could not be compiled; g++ is needed.");
    }
}
