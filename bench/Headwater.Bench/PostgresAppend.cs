using System.Globalization;
using System.Text.Json;
using Headwater.Postgres.Servers;
using Npgsql;
using NpgsqlTypes;

namespace Headwater.Bench;

/// <summary>
/// Durable appends of single events, the expected version checked, by 16 callers at once, on PostgreSQL with fsync: against the same
/// rows by bare inserts with a sequence, which readers could not follow safely, and by inserts under an exclusive lock, which they
/// could. The rounds of all are interleaved.
/// </summary>
internal static class PostgresAppend
{
    private const int Callers = 16;

    public static async Task<bool> Run(string[] args)
    {
        var count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 8_000;
        var rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 5;
        await using var server = await PostgresServer.Start(settings: new Dictionary<string, string>
        {
            ["fsync"] = "on", ["full_page_writes"] = "on", ["shared_buffers"] = "256MB", ["max_connections"] = "100",
        });
        Console.WriteLine($"PostgreSQL {server.Version}, synchronous_commit=on, {Callers} callers, {count:N0} events of {Encode(0).Length} bytes a round");

        var connectionString = server.ConnectionString();
        await using var alone = await Application.Start(headwater => Declare(headwater.UsePostgres(connectionString, "alone", options => options.GroupCommit = false)));
        await using var together = await Application.Start(headwater => Declare(headwater.UsePostgres(connectionString, "together")));
        await using var source = NpgsqlDataSource.Create(connectionString + "No Reset On Close=true");
        foreach (var schema in new[] { "bare", "locked" })
            await server.Execute(await TablesOf(server, schema));

        var next = 0;
        (string Name, Func<int, Task> Append, List<ServedCost> Costs)[] contenders =
        [
            ("bare inserts", i => Insert(source, "bare", isLocked: false, i), []),
            ("under an exclusive lock", i => Insert(source, "locked", isLocked: true, i), []),
            ("log.Append, one each", i => Ours(alone.Get<Log>(), i), []),
            ("log.Append, group commit", i => Ours(together.Get<Log>(), i), []),
        ];
        for (var round = 0; round <= rounds; round++)
        {
            // Each comes first once, because what one leaves to be written to the disk, the next one pays for.
            for (var turn = 0; turn < contenders.Length; turn++)
            {
                var (_, append, costs) = contenders[(round + turn) % contenders.Length];
                var (first, last) = (next, next += count);
                var cost = await ServedCost.Of(server.ProcessId, count, () => Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
                {
                    for (var i = first + caller; i < last; i += Callers)
                        await append(i);
                }))));
                if (round > 0)
                    costs.Add(cost);
            }

            Console.WriteLine($"{(round == 0 ? "warm-up" : $"round {round}")} {string.Join("  ", contenders.Select(each => round == 0 ? "" : $"{each.Costs[^1].Client.Rate,8:N0}/s"))}");
        }

        foreach (var (name, _, costs) in contenders)
        {
            var median = costs.OrderBy(cost => cost.Client.Rate).ElementAt(rounds / 2);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-26} {median.Client.Rate,8:N0}/s   per 1,000: client {median.Client.ProcessorMicros / 1000:N3} s, server {median.ServerMicros / 1000:N3} s   ratio to bare {Ratio(costs, contenders[0].Costs):N2}, to the lock {Ratio(costs, contenders[1].Costs):N2}"));
        }

        return Verdict("one each against bare", Ratio(contenders[2].Costs, contenders[0].Costs), 0.9)
            & Verdict("one each against the lock", Ratio(contenders[2].Costs, contenders[1].Costs), 2.5)
            & Verdict("group commit against bare", Ratio(contenders[3].Costs, contenders[0].Costs), 4);
    }

    private static bool Verdict(string what, double ratio, double bar)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {ratio:N2}, bar {bar:N1}: {(ratio >= bar ? "PASS" : "FAIL")}"));
        return ratio >= bar;
    }

    /// <summary>Of the rounds and not of the medians: the two of a round met the same machine.</summary>
    private static double Ratio(List<ServedCost> ours, List<ServedCost> theirs) =>
        ours.Zip(theirs, (one, other) => one.Client.Rate / other.Client.Rate).Order().ElementAt(ours.Count / 2);

    private static void Declare(HeadwaterBuilder headwater) => headwater.UseJson(MeasuredJson.Default).AddStream<Nothing, Measured>("flight");

    private static async Task Ours(Log log, int i)
    {
        if (await log.Append(StreamOf(i), ExpectedVersion.None, [Measured.Number(i)]) is not AppendResult.Appended { AlreadyKnown: false })
            throw new InvalidOperationException($"Event {i} was not appended.");
    }

    private static async Task Insert(NpgsqlDataSource source, string schema, bool isLocked, int i)
    {
        await using var connection = await source.OpenConnectionAsync();
        await using var batch = new NpgsqlBatch(connection);
        if (isLocked)
            batch.BatchCommands.Add(new NpgsqlBatchCommand("SELECT pg_advisory_xact_lock(1)"));
        var insert = new NpgsqlBatchCommand(
            $"""
            INSERT INTO {schema}.events (position, stream, version, type, schema_version, event_id, recorded_at, data, metadata)
            VALUES (nextval('{schema}.positions'), $1, 1, $2, $3, $4, $5, $6, $7) RETURNING position
            """);
        insert.Parameters.Add(new NpgsqlParameter<string> { TypedValue = StreamOf(i).ToString() });
        insert.Parameters.Add(new NpgsqlParameter<string> { TypedValue = "moved" });
        insert.Parameters.Add(new NpgsqlParameter<int> { TypedValue = 1 });
        insert.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = Guid.CreateVersion7() });
        insert.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = DateTime.UtcNow });
        insert.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = Encode(i), NpgsqlDbType = NpgsqlDbType.Json });
        insert.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = metadata, NpgsqlDbType = NpgsqlDbType.Json });
        batch.BatchCommands.Add(insert);
        await batch.ExecuteScalarAsync();
    }

    private static readonly byte[] metadata = System.Text.Encoding.UTF8.GetBytes($$"""{"correlation":"{{Guid.Empty}}"}""");

    /// <summary>The very tables of the log, under another name.</summary>
    private static async Task<string> TablesOf(PostgresServer server, string schema)
    {
        await server.Execute($"CREATE SCHEMA {schema}");
        return $"CREATE SEQUENCE {schema}.positions; CREATE TABLE {schema}.events (LIKE alone.events INCLUDING ALL)";
    }

    private static StreamId StreamOf(int i) => new("flight", i.ToString("x8", CultureInfo.InvariantCulture));

    private static byte[] Encode(int i) => JsonSerializer.SerializeToUtf8Bytes(Measured.Number(i), MeasuredJson.Default.Moved);
}

/// <summary>What something cost this process, and the server.</summary>
internal readonly record struct ServedCost(Cost Client, double ServerMicros)
{
    // The kernel counts in hundredths of a second.
    private const double MicrosPerTick = 10_000;

    public static async Task<ServedCost> Of(int server, int count, Func<Task> work)
    {
        var before = Ticks(server);
        var client = await Cost.Of(count, work);
        return new ServedCost(client, (Ticks(server) - before) * MicrosPerTick / count);
    }

    /// <summary>The processor time of a process, of its children, and of those that have ended.</summary>
    private static long Ticks(int parent)
    {
        var ticks = 0L;
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(folder => char.IsAsciiDigit(folder[^1])))
        {
            try
            {
                var text = File.ReadAllText(Path.Combine(folder, "stat"));
                var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
                var isServer = Path.GetFileName(folder) == parent.ToString(CultureInfo.InvariantCulture);
                if (isServer || fields[1] == parent.ToString(CultureInfo.InvariantCulture))
                    ticks += fields[(11)..(isServer ? 15 : 13)].Sum(field => long.Parse(field, CultureInfo.InvariantCulture));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile, and stands among the server's ended children.
            }
        }

        return ticks;
    }
}
