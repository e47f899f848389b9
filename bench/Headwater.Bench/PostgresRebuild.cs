using System.Diagnostics;
using System.Globalization;

namespace Headwater.Bench;

/// <summary>How fast a projection with a row for each stream is built from zero on PostgreSQL, beside Marten's, and whether both are right.</summary>
internal static class PostgresRebuild
{
    private const double Bar = 2;

    public static async Task<bool> Run(string[] args)
    {
        var events = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1_000_000;
        var rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 3;
        await using var server = await DurableServer.Start();
        var (ownDatabase, martensDatabase) = (await server.CreateDatabase(), await server.CreateDatabase());
        await using var marten = Child.Marten(server.ConnectionString(martensDatabase, "No Reset On Close=true"));
        Console.WriteLine($"{await marten.Tell("version")}; {events:N0} events of {Interleaved.Streams:N0} streams in turn, each turn in another order");
        await using var application = await Application.Start(headwater => Rebuild.Declare(headwater.UsePostgres(server.ConnectionString(ownDatabase))));

        var started = Stopwatch.GetTimestamp();
        await Rebuild.Fill(application.Get<Log>(), events);
        await Rebuild.CaughtUp(application.Get<Subscriptions>(), generation: 0);
        Console.WriteLine($"Headwater has them after {Stopwatch.GetElapsedTime(started).TotalSeconds:N0} s");
        started = Stopwatch.GetTimestamp();
        await marten.Tell($"fill {events}");
        Console.WriteLine($"Marten has them after {Stopwatch.GetElapsedTime(started).TotalSeconds:N0} s");
        foreach (var database in new[] { ownDatabase, martensDatabase })
            await server.Execute("VACUUM (ANALYZE)", database);

        var (ours, theirs) = (new List<ServedCost>(), new List<ServedCost>());
        for (var round = 1; round <= rounds; round++)
        {
            var generation = round;
            await Measure(ours, null, () => Rebuild.Again(application, generation));
            await Measure(theirs, marten.Process, () => marten.Tell("rebuild"));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"round {round}: Headwater {ours[^1].Client.Elapsed.TotalSeconds,6:N1} s, Marten {theirs[^1].Client.Elapsed.TotalSeconds,6:N1} s"));
        }

        foreach (var (name, costs) in new[] { ("Headwater", ours), ("Marten", theirs) })
        {
            var median = costs.OrderBy(cost => cost.Micros).ElementAt(rounds / 2);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-10} {1e6 / median.Micros,8:N0} events per CPU-second ({median.Client.ProcessorMicros:N1} µs client, {median.ServerMicros:N1} µs server each), {median.Client.Rate,8:N0}/s"));
        }

        var wrong = await Rebuild.Wrong(application.Get<IReadModelStore>(), events);
        Console.WriteLine($"rows that differ from a fold in memory: Headwater {wrong}, Marten {await marten.Tell($"wrong {events}")}");
        var ratio = ours.Zip(theirs, (own, others) => others.Micros / own.Micros).Order().ElementAt(rounds / 2);
        var passed = ratio >= Bar && wrong == 0;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"events per CPU-second, median ratio of the rounds: {ratio:N2}, bar {Bar:N1}, and no row of ours wrong: {(passed ? "PASS" : "FAIL")}"));
        return passed;

        async Task Measure(List<ServedCost> costs, Process? client, Func<Task> work)
        {
            await server.Execute("CHECKPOINT");
            costs.Add(await ServedCost.Of(server.ProcessId, events, client, work));
        }
    }
}
