using System.Diagnostics;
using System.Globalization;

namespace Headwater.Bench;

/// <summary>
/// How long after its commit an event is seen by a follower in another process, on PostgreSQL at a modest rate, beside a row that is
/// told of by NOTIFY in its own transaction. And how often a process asks the database for the watermark, however many read in it.
/// </summary>
internal static class Latency
{
    private const int Rate = 200;
    private const int ManyReaders = 1_000;

    // One for each event, and the slow poll's.
    private const double MostLooks = 1.5;

    public static async Task<bool> Run(string[] args)
    {
        var seconds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 20;
        var rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 3;
        await using var server = await DurableServer.Start();
        var connectionString = server.ConnectionString(more: "No Reset On Close=true");
        await using (var log = Application.Build(headwater => Declare(headwater, connectionString)))
            await log.Get<Log>().Head();
        await BareInserts.Make(server, "headwater", null!, LatencyFollower.BareSchema);
        Console.WriteLine($"a writer and a follower in a process each; {Rate} appends/s by one caller for {seconds} s, {rounds} rounds; ms from the append's return and from its call");

        var next = 0;
        await using (var ours = await Pair.Start("headwater", connectionString))
        await using (var bare = await Pair.Start("bare", connectionString))
        {
            await ours.Run(next, next += Rate);
            await bare.Run(next, next += Rate);
            for (var round = 1; round <= rounds; round++)
            {
                Print($"round {round}, log.Follow", await ours.Run(next, next += seconds * Rate));
                Print($"round {round}, LISTEN/NOTIFY", await bare.Run(next, next += seconds * Rate));
            }

            Print("all rounds, log.Follow", ours.Seen);
            Print("all rounds, LISTEN/NOTIFY", bare.Seen);
        }

        // The server itself counts how often it is asked, by sessions that begin after this.
        await server.Execute("ALTER DATABASE postgres SET track_functions = 'pl'");
        await using var pair = await Pair.Start("headwater", connectionString);
        await pair.Run(next, next += Rate);
        await Looks(1);
        await pair.Follower.Tell($"readers {ManyReaders - 1}");
        var each = await Looks(ManyReaders);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"looks for each event with {ManyReaders:N0} readers: {each:N2}, at most {MostLooks}: {(each <= MostLooks ? "PASS" : "FAIL")}"));
        return each <= MostLooks;

        async Task<double> Looks(int readers)
        {
            var before = await Asked();
            var started = Stopwatch.GetTimestamp();
            var cost = await Cost.Of(seconds * Rate, () => pair.Run(next, next += seconds * Rate), pair.Follower.Process);
            var looks = await Asked() - before;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{readers,5:N0} readers in a process, {cost.Rate:N0} appends/s elsewhere: {looks / Stopwatch.GetElapsedTime(started).TotalSeconds:N0} looks at the watermark per second, {cost.ProcessorMicros:N0} µs of the follower's processor for each event"));
            return (double)looks / (seconds * Rate);
        }

        async Task<long> Asked() => (long?)await server.Execute(
            "SELECT calls FROM pg_stat_user_functions WHERE schemaname = 'headwater' AND funcname = 'head'") ?? 0;
    }

    public static void Declare(HeadwaterBuilder headwater, string connectionString) =>
        headwater.UsePostgres(connectionString).UseJson(MeasuredJson.Default).AddStream<Nothing, Measured>("flight");

    private static void Print(string what, List<(double FromReturn, double FromCall)> seen) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{what,-25} p50 {At(seen.Select(each => each.FromReturn), 0.5),6:N2}  p99 {At(seen.Select(each => each.FromReturn), 0.99),6:N2}   from the call p50 {At(seen.Select(each => each.FromCall), 0.5),6:N2}  p99 {At(seen.Select(each => each.FromCall), 0.99),6:N2}"));

    private static double At(IEnumerable<double> values, double quantile) => values.Order().ToList() is var sorted ? sorted[(int)(quantile * (sorted.Count - 1))] : 0;

    /// <summary>A writer and a follower. Their clocks are one: the machine's monotonic one.</summary>
    private sealed class Pair(Child writer, Child follower) : IAsyncDisposable
    {
        public Child Follower => follower;

        /// <summary>Of all runs but the first, which warms up.</summary>
        public List<(double FromReturn, double FromCall)> Seen { get; } = [];

        private bool isWarm;

        public static async Task<Pair> Start(string kind, string connectionString)
        {
            var pair = new Pair(Child.Part("latency-writer", kind, connectionString), Child.Part("latency-follower", kind, connectionString));
            await pair.Follower.Tell("ready");
            return pair;
        }

        public async Task<List<(double FromReturn, double FromCall)>> Run(int first, int last)
        {
            var written = Words(await writer.Tell($"{first} {last} {Rate}"));
            var seen = Words(await follower.Tell($"seen {last - 1}")).ToDictionary(word => word[0], word => word[1]);
            var run = written.Select(each => (Milliseconds(each[2], seen[each[0]]), Milliseconds(each[1], seen[each[0]]))).ToList();
            if (isWarm)
                Seen.AddRange(run);
            isWarm = true;
            return run;
        }

        public async ValueTask DisposeAsync()
        {
            await writer.DisposeAsync();
            await follower.DisposeAsync();
        }

        private static IEnumerable<long[]> Words(string line) =>
            line.Split(' ').Select(word => word.Split(':').Select(number => long.Parse(number, CultureInfo.InvariantCulture)).ToArray());

        // Less than nothing, if the follower has the event before the writer is told that it was committed.
        private static double Milliseconds(long from, long to) => (to - from) * 1000.0 / Stopwatch.Frequency;
    }
}
