using System.Data.Common;
using static Headwater.Postgres.Tests.Words;

namespace Headwater.Postgres.Tests;

/// <summary>A projection with tables of its own works on a connection that others use afterwards.</summary>
public sealed class LentTransactionTests : IAsyncLifetime
{
    private readonly TestSchema schema = new();
    private PostgresDatabase? opened;

    private PostgresDatabase Database => opened!;

    public async ValueTask InitializeAsync()
    {
        opened = await schema.Open(more: "Maximum Pool Size=1");
        await new PostgresReadModelStore(Database).Prepare(new ReadModelSchema("board", []), null, Cancel);
    }

    public ValueTask DisposeAsync() => schema.DisposeAsync();

    [Fact]
    public async Task What_it_leaves_in_the_session_is_cleared_away()
    {
        await Project("CREATE TEMP TABLE left_behind (id int); SET search_path = pg_temp; SELECT pg_advisory_lock(4711); PREPARE mine AS SELECT 1", 1);

        await using var connection = await Database.Source.OpenConnectionAsync(Cancel);
        Assert.Null(await schema.Run(connection, "SELECT 1 FROM pg_class WHERE relname = 'left_behind'"));
        Assert.Null(await schema.Run(connection, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND pid = pg_backend_pid()"));
        Assert.Equal("\"$user\", public", await schema.Run(connection, "SHOW search_path"));
    }

    /// <summary>Npgsql prepares what comes often, and does not ask whether the session still knows it.</summary>
    [Fact]
    public async Task What_was_prepared_for_others_stays_prepared()
    {
        for (var round = 1; round <= 10; round++)
        {
            await Database.Happen();
            await Project("SELECT 1", round);
        }

        await using var connection = await Database.Source.OpenConnectionAsync(Cancel);
        Assert.Equal(true, await schema.Run(connection, "SELECT count(*) > 0 FROM pg_prepared_statements WHERE statement LIKE '%append%'"));
    }

    private async Task Project(string sql, int to)
    {
        var store = new PostgresReadModelStore(Database);
        var from = (await store.State("board", Cancel)).Checkpoint;
        Assert.True(await store.Commit(new ProjectionCommit("board", from, new Position(to), []) { Tables = (transaction, cancel) => Run(transaction, sql, cancel) }, Cancel));
    }

    private static async ValueTask Run(DbTransaction transaction, string sql, CancellationToken cancel)
    {
        await using var command = transaction.Connection!.CreateCommand();
        (command.CommandText, command.Transaction) = (sql, transaction);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
