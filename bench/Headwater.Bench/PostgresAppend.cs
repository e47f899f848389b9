using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Headwater.Postgres.Servers;
using Npgsql;

namespace Headwater.Bench;

/// <summary>
/// Durable appends of single events, the expected version checked, by many callers at once, on PostgreSQL with fsync: against the
/// same rows by bare inserts, and against other event stores. Nobody reads meanwhile. The rounds of all are interleaved.
/// </summary>
internal static class PostgresAppend
{
    public static async Task<bool> Run(string[] args)
    {
        var count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 8_000;
        var rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 5;
        await using var server = await DurableServer.Start();
        var connectionString = server.ConnectionString();
        await using var alone = Application.Build(headwater => Declare(headwater.UsePostgres(connectionString, "alone", options => options.GroupCommit = false)));
        await using var together = Application.Build(headwater => Declare(headwater.UsePostgres(connectionString, "together")));
        await alone.Get<Log>().Head();
        await using var source = NpgsqlDataSource.Create(connectionString + "No Reset On Close=true");
        await using var preparing = NpgsqlDataSource.Create(connectionString + "No Reset On Close=true;Max Auto Prepare=32");
        await using var emmettsOwn = Child.Emmett($"postgres://postgres@127.0.0.1:{server.Port}/{await server.CreateDatabase()}");
        await using var martensOwn = Child.Marten(server.ConnectionString(await server.CreateDatabase(), "No Reset On Close=true"));
        Console.WriteLine($"{await emmettsOwn.Tell("version")}; {await martensOwn.Tell("version")}; {count:N0} events of {Encode(0).Length} bytes a round, each in a new stream");

        var bare = await Bare("bare inserts", source, "bare");
        var prepared = await Bare("bare inserts, prepared", preparing, "prepared");
        var locked = await Bare("under an exclusive lock", source, "locked", isLocked: true);
        var oneEach = new Contender("log.Append, one each", OfThisProcess(i => Ours(alone.Get<Log>(), i)));
        var group = new Contender("log.Append, group commit", OfThisProcess(i => Ours(together.Get<Log>(), i)));
        var emmett = new Contender("Emmett", OfAnother(emmettsOwn), emmettsOwn.Process);
        var marten = new Contender("Marten", OfAnother(martensOwn), martensOwn.Process);

        var race = new Race(server, count, rounds);
        var fsync = await race.Run(16, [bare, prepared, locked, oneEach, group, emmett, marten]);
        var passed = Verdict("one each against bare, rate", oneEach.Rate(bare), 0.9)
            & Verdict("one each against the lock, rate", oneEach.Rate(locked), BarAgainstTheLock(fsync))
            & Verdict("one each against Emmett, rate", oneEach.Rate(emmett), 2)
            & Verdict("one each against Emmett, processor", oneEach.Thrift(emmett), 2)
            & Verdict("one each against Marten, rate", oneEach.Rate(marten), 2)
            & Verdict("one each against Marten, processor", oneEach.Thrift(marten), 2)
            & Verdict("group commit against bare, rate", group.Rate(bare), 4);
        Console.WriteLine();
        await race.Run(64, [bare, prepared, group]);
        return passed;

        async Task<Contender> Bare(string name, NpgsqlDataSource source, string schema, bool isLocked = false)
        {
            var inserts = await BareInserts.Make(server, "alone", source, schema, isLocked);
            return new Contender(name, OfThisProcess(i => inserts.Append(StreamOf(i), Encode(i))));
        }
    }

    /// <summary>The lock waits for the disk once for each append, so the slower the disk, the more is gained without it.</summary>
    private static double BarAgainstTheLock(TimeSpan fsync) => 2.5 + (2.5 * Math.Clamp((fsync.TotalMilliseconds - 0.4) / 0.6, 0, 1));

    private static bool Verdict(string what, double ratio, double bar)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {ratio:N2}, bar {bar:N1}: {(ratio >= bar ? "PASS" : "FAIL")}"));
        return ratio >= bar;
    }

    private static void Declare(HeadwaterBuilder headwater) => headwater.UseJson(MeasuredJson.Default).AddStream<Nothing, Measured>("flight");

    private static async Task Ours(Log log, int i)
    {
        if (await log.Append(StreamOf(i), ExpectedVersion.None, [Measured.Number(i)]) is not AppendResult.Appended { AlreadyKnown: false })
            throw new InvalidOperationException($"Event {i} was not appended.");
    }

    private static Func<int, int, int, Task> OfThisProcess(Func<int, Task> append) => (callers, first, last) => Callers.Append(callers, first, last, append);

    private static Func<int, int, int, Task> OfAnother(Child child) => (callers, first, last) => child.Tell($"append {callers} {first} {last}");

    private static StreamId StreamOf(int i) => new("flight", i.ToString("x8", CultureInfo.InvariantCulture));

    private static byte[] Encode(int i) => JsonSerializer.SerializeToUtf8Bytes(Measured.Number(i), MeasuredJson.Default.Moved);

    /// <summary>Somebody who appends, in this process or another.</summary>
    private sealed record Contender(string Name, Func<int, int, int, Task> Append, Process? Client = null)
    {
        public List<ServedCost> Costs { get; } = [];

        public ServedCost Median => Costs.OrderBy(cost => cost.Client.Rate).ElementAt(Costs.Count / 2);

        /// <summary>Of the rounds and not of the medians: the two of a round met the same machine.</summary>
        public double Rate(Contender other) => Ratio(Costs.Zip(other.Costs, (own, others) => own.Client.Rate / others.Client.Rate));

        /// <summary>How many times the other's time of the processors this one's is saved.</summary>
        public double Thrift(Contender other) => Ratio(Costs.Zip(other.Costs, (own, others) => others.Micros / own.Micros));

        private double Ratio(IEnumerable<double> ofRounds) => ofRounds.Order().ElementAt(Costs.Count / 2);
    }

    private sealed class Race(PostgresServer server, int count, int rounds)
    {
        private int next;

        /// <returns>How long the disk took to keep a page, all along.</returns>
        public async Task<TimeSpan> Run(int callers, Contender[] contenders)
        {
            var fsyncs = new List<TimeSpan>();
            foreach (var contender in contenders)
                contender.Costs.Clear();
            for (var round = 0; round <= rounds; round++)
            {
                // Each comes first once, because what one leaves to be written to the disk, the next one pays for.
                for (var turn = 0; turn < contenders.Length; turn++)
                {
                    var contender = contenders[(round + turn) % contenders.Length];
                    var (first, last) = (next, next += count);
                    var cost = await ServedCost.Of(server.ProcessId, count, contender.Client, () => contender.Append(callers, first, last));
                    if (round > 0)
                        contender.Costs.Add(cost);
                }

                fsyncs.Add(Machine.MedianFsync());
                Console.WriteLine($"{(round == 0 ? "warm-up" : $"round {round}")} {string.Join("  ", contenders.Select(each => round == 0 ? "" : $"{each.Costs[^1].Client.Rate,8:N0}/s"))}");
            }

            var fsync = fsyncs.Order().ElementAt(fsyncs.Count / 2);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{callers} callers; medians of {rounds} rounds; fsync {fsync.TotalMicroseconds:N0} µs; seconds of the processors for 1,000 appends"));
            Console.WriteLine($"{"",-26} {"appends/s",10} {"client",8} {"server",8} {"both",8} {"to bare",8}");
            foreach (var contender in contenders)
            {
                var median = contender.Median;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{contender.Name,-26} {median.Client.Rate,10:N0} {median.Client.ProcessorMicros / 1000,8:N3} {median.ServerMicros / 1000,8:N3} {median.Micros / 1000,8:N3} {contender.Rate(contenders[0]),8:N2}"));
            }

            return fsync;
        }
    }
}
