using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Headwater.Bench;

/// <summary>
/// Durable appends of single events by many callers at once, against a bare loop that inserts the same rows into the same
/// tables in large transactions: what is lost between the database and the caller.
/// </summary>
internal static class Append
{
    private const double Bar = 0.6;
    private const int Callers = 256;
    private const int RowsPerTransaction = 200;

    public static async Task<bool> Run(string[] args)
    {
        var count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 50_000;
        var rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 7;
        var (ours, bare) = (new List<Cost>(), new List<Cost>());
        var commits = 0L;
        for (var round = 0; round <= rounds; round++)
        {
            // The warm-up is longer, so that the runtime has compiled for good what is measured.
            var events = round == 0 ? 2 * count : count;
            var (cost, groups) = await Ours(events);
            var plain = await Bare(events);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{(round == 0 ? "warm-up" : $"round {round}"),-8} {cost.Rate,9:N0}/s in groups of {(double)events / groups,5:N1}   bare {plain.Rate,9:N0}/s   ratio {cost.Rate / plain.Rate:N2}"));
            if (round == 0)
                continue;
            ours.Add(cost);
            bare.Add(plain);
            commits += groups;
        }

        var (a, b) = (Cost.Median(ours), Cost.Median(bare));

        // Of the rounds and not of the medians: the two of a round met the same machine.
        var ratio = ours.Zip(bare, (one, other) => one.Rate / other.Rate).Order().ElementAt(rounds / 2);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"""
            {count:N0} events of {Encode(0).Length} bytes in streams of their own, WAL, synchronous=FULL; medians of {rounds} rounds
            log.Append by {Callers} callers: {a.Rate:N0}/s, {a.ProcessorMicros:N1} µs of processor each, {(double)count * rounds / commits:N0} per commit
            bare inserts, {RowsPerTransaction} per commit: {b.Rate:N0}/s, {b.ProcessorMicros:N1} µs of processor each
            ratio, median of the rounds, {ratio:N2}, bar {Bar:N1}: {(ratio >= Bar ? "PASS" : "FAIL")}
            """));
        return ratio >= Bar;
    }

    private static async Task<(Cost, long Commits)> Ours(int count)
    {
        using var scratch = new Scratch();
        await using var application = await Application.Start(headwater => headwater
            .UseSqlite(scratch.Path).UseJson(MeasuredJson.Default).AddStream<Nothing, Measured>("flight"));
        var log = application.Get<Log>();
        var writer = application.Get<SqliteDatabase>().Writer;
        var next = -1;
        var before = writer.Commits;
        var cost = await Cost.Of(count, () => Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(Caller))));
        return (cost, writer.Commits - before);

        async Task Caller()
        {
            while (Interlocked.Increment(ref next) is var i && i < count)
                if (await log.Append(StreamOf(i), ExpectedVersion.None, [Measured.Number(i)]) is not AppendResult.Appended { AlreadyKnown: false })
                    throw new InvalidOperationException($"Event {i} was not appended.");
        }
    }

    private static async Task<Cost> Bare(int count)
    {
        using var scratch = new Scratch();
        using var connection = new SqliteConnection($"Data Source={scratch.Path};Pooling=False");
        connection.Open();
        foreach (var sql in new[] { "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL" }.Concat(SqlFiles.Texts("Migrations")))
            Execute(connection, sql);
        var rows = Enumerable.Range(0, count).Select(i => new Row(
            i + 1, StreamOf(i).ToString(), Guid.CreateVersion7().ToByteArray(bigEndian: true), Encode(i))).ToList();
        return await Cost.Of(count, () =>
        {
            Insert(connection, rows);
            return Task.CompletedTask;
        });
    }

    private static void Insert(SqliteConnection connection, List<Row> rows)
    {
        using var insert = connection.CreateCommand();
        insert.CommandText = """
            INSERT INTO events (position, stream, version, category, type, schema_version, event_id, recorded_at, data, metadata, tags)
            VALUES (@position, @stream, 1, 'flight', 'moved', 1, @id, @at, @data, @metadata, NULL)
            """;
        var position = insert.Parameters.Add("@position", SqliteType.Integer);
        var stream = insert.Parameters.Add("@stream", SqliteType.Text);
        var id = insert.Parameters.Add("@id", SqliteType.Blob);
        var at = insert.Parameters.Add("@at", SqliteType.Integer);
        var data = insert.Parameters.Add("@data", SqliteType.Blob);
        var metadata = insert.Parameters.Add("@metadata", SqliteType.Text);
        metadata.Value = $$"""{"correlation":"{{Guid.Empty}}"}""";
        insert.Prepare();
        foreach (var group in rows.Chunk(RowsPerTransaction))
        {
            using var transaction = connection.BeginTransaction();
            insert.Transaction = transaction;
            foreach (var row in group)
            {
                (position.Value, stream.Value, id.Value, data.Value) = (row.Position, row.Stream, row.Id, row.Data);
                at.Value = DateTimeOffset.UtcNow.Ticks / 10;
                insert.ExecuteNonQuery();
            }

            transaction.Commit();
        }
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static StreamId StreamOf(int i) => new("flight", i.ToString("x8", CultureInfo.InvariantCulture));

    private static byte[] Encode(int i) => JsonSerializer.SerializeToUtf8Bytes(Measured.Number(i), MeasuredJson.Default.Moved);

    private sealed record Row(long Position, string Stream, byte[] Id, byte[] Data);
}
