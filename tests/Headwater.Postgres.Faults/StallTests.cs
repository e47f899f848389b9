using System.Diagnostics;
using Headwater.Postgres.Servers;
using Npgsql;

namespace Headwater.Postgres.Faults;

/// <summary>Promise 2: a transaction that does not append delays no reader, and one that does delays them for a bounded time.</summary>
public sealed class StallTests : IAsyncLifetime
{
    private static readonly TimeSpan promptly = TimeSpan.FromSeconds(1);

    private readonly string schema = $"hw_{Guid.NewGuid():n}";
    private PostgresServer server = null!;
    private TestNode writer = null!;
    private TestNode reader = null!;

    public async ValueTask InitializeAsync()
    {
        server = await PostgresServer.Shared;
        writer = await TestNode.Start(server.ConnectionString(), schema);
        reader = await TestNode.Start(server.ConnectionString(), schema);
        await writer.Log.Happen("first");
        await server.Execute($"CREATE TABLE {schema}.unrelated (id int); INSERT INTO {schema}.unrelated VALUES (1)");
    }

    public async ValueTask DisposeAsync()
    {
        await reader.DisposeAsync();
        await writer.DisposeAsync();
    }

    [Fact]
    public async Task A_session_idle_in_a_transaction_that_wrote_elsewhere_delays_nobody()
    {
        await using var idle = await Open("postgres", $"BEGIN; INSERT INTO {schema}.unrelated VALUES (2)");

        await AssertPrompt();
    }

    [Fact]
    public async Task A_session_idle_in_a_transaction_of_another_database_delays_nobody()
    {
        var database = await server.CreateDatabase();
        await using (await Open(database, "BEGIN; CREATE TABLE unrelated (id int)"))
            await AssertPrompt();
        await server.Execute($"DROP DATABASE {database}");
    }

    [Fact]
    public async Task A_session_that_holds_rows_for_update_delays_nobody()
    {
        await using var holding = await Open("postgres", $"BEGIN; SELECT * FROM {schema}.unrelated FOR UPDATE; SELECT * FROM {schema}.events FOR UPDATE");

        await AssertPrompt();
    }

    [Fact]
    public async Task A_prepared_transaction_that_nobody_ends_delays_nobody()
    {
        await server.Execute($"BEGIN; INSERT INTO {schema}.unrelated VALUES (2); PREPARE TRANSACTION '{schema}'");
        try
        {
            await AssertPrompt();
        }
        finally
        {
            await server.Execute($"ROLLBACK PREPARED '{schema}'");
        }
    }

    [Fact]
    public async Task A_session_idle_after_an_append_makes_readers_wait_until_the_server_ends_it()
    {
        var timeOut = TimeSpan.FromSeconds(2);
        var following = reader.Follow();
        var clock = Stopwatch.StartNew();
        await using var culprit = await Open(
            "postgres", $"SET headwater.append_timeout = '{timeOut.TotalSeconds}s'; BEGIN; SELECT {schema}.append('thing-culprit', -1, 'happened', '{{}}')");
        var ids = new List<Guid>();
        for (var i = 0; i < 5; i++)
            ids.Add(await writer.Log.Happen());

        // Its position may still be filled, so nobody may go beyond it; a reader that did could skip it.
        Assert.False(following.HasSeen(ids[0]));
        await Soon.Is(() => ids.TrueForAll(following.HasSeen), "readers go on", within: timeOut + TimeSpan.FromSeconds(5));

        Assert.True(clock.Elapsed >= timeOut, $"Readers went on after {clock.Elapsed}, before the transaction was ended.");
        TestContext.Current.TestOutputHelper!.WriteLine($"Readers went on {(clock.Elapsed - timeOut).TotalMilliseconds:0} ms after the time-out.");
        await using var next = new NpgsqlCommand("SELECT 1", culprit);
        Assert.Equal("25P03", (await Assert.ThrowsAsync<PostgresException>(() => next.ExecuteScalarAsync())).SqlState);
        Assert.Equal(ids, following.Seen.Skip(1).Select(each => each.Id));
    }

    /// <summary>Five fresh events are given to a follower on another node within a second each, which is far below what a culprit takes.</summary>
    private async Task AssertPrompt()
    {
        var following = reader.Follow();
        await Soon.Is(() => following.Seen.Count > 0, "the follower has come to the end");
        var slowest = TimeSpan.Zero;
        for (var i = 0; i < 5; i++)
        {
            var id = await writer.Log.Happen();
            var took = await Soon.Is(() => following.HasSeen(id), "a fresh event is read", promptly);
            slowest = took > slowest ? took : slowest;
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"The slowest of five events took {slowest.TotalMilliseconds:0} ms.");

        // One who waits for all older transactions of the cluster, as others do, would have seen none of them.
        Assert.Equal(0L, await server.Execute(
            $"SELECT count(*) FROM {schema}.events WHERE position > 1 AND xmin::text::bigint < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"));
    }

    private async Task<NpgsqlConnection> Open(string database, string sql)
    {
        var connection = new NpgsqlConnection(server.ConnectionString(database, "Pooling=false"));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
        return connection;
    }
}
