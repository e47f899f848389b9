using System.Data;
using Dapper;
using Headwater.Postgres.Servers;
using Headwater.Specifications;
using Npgsql;
using static Headwater.Postgres.Tests.Words;

namespace Headwater.Postgres.Tests;

/// <summary>Appends in transactions of the application, as far as they are PostgreSQL's own; the rest is in the specifications.</summary>
public sealed class ApplicationTransactionTests : IAsyncLifetime
{
    private readonly TestSchema schema = new();
    private PostgresDatabase? opened;
    private NpgsqlConnection? connected;

    private PostgresDatabase Database => opened!;

    /// <summary>The application's own.</summary>
    private NpgsqlConnection Connection => connected!;

    public async ValueTask InitializeAsync()
    {
        opened = await schema.Open();
        await opened.Open(Cancel);
        connected = await schema.Connect();
    }

    public async ValueTask DisposeAsync()
    {
        await Connection.DisposeAsync();
        await schema.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Rows_written_with_Dapper_and_events_have_one_fate(bool isCommitted)
    {
        var orders = $"{schema.Name}.orders";
        await Connection.ExecuteAsync($"CREATE TABLE {orders} (id int)");
        await using (var transaction = await Connection.BeginTransactionAsync(Cancel))
        {
            await Connection.ExecuteAsync($"INSERT INTO {orders} VALUES (@Id)", new { Id = 7 }, transaction);
            await Appended(transaction);
            await Connection.ExecuteAsync($"INSERT INTO {orders} VALUES (@Id)", new { Id = 8 }, transaction);
            await (isCommitted ? transaction.CommitAsync(Cancel) : transaction.RollbackAsync(Cancel));
        }

        Assert.Equal(isCommitted ? 2L : 0L, await Connection.ExecuteScalarAsync($"SELECT count(*) FROM {orders}"));
        Assert.Equal(isCommitted ? 1 : 0, (await Database.ReadAll()).Count);
    }

    [Fact]
    public async Task An_append_that_is_refused_leaves_no_lock_and_no_setting_behind()
    {
        await Database.Happen();
        await using var transaction = await Connection.BeginTransactionAsync(Cancel);

        Assert.IsType<AppendResult.Conflict>(await Append(transaction, expected: ExpectedVersion.None));

        Assert.Equal(2, (await Database.Happen()).Streams[0].Version);
        Assert.Equal(2, (await Database.ReadAll()).Count);
        Assert.Equal("0", await Setting("idle_in_transaction_session_timeout"));
    }

    [Fact]
    public async Task Settings_and_savepoints_do_not_outlast_the_append_and_its_transaction()
    {
        await Connection.ExecuteAsync("SET synchronous_commit = off");
        await using (var transaction = await Connection.BeginTransactionAsync(Cancel))
        {
            await Appended(transaction);
            Assert.Equal(("30s", "on"), (await Setting("idle_in_transaction_session_timeout"), await Setting("synchronous_commit")));
            await transaction.SaveAsync("own", Cancel);
            Assert.Equal("3B001", (await Assert.ThrowsAsync<PostgresException>(
                () => Connection.ExecuteAsync("ROLLBACK TO headwater_append"))).SqlState);
            await transaction.RollbackAsync("own", Cancel);
            await transaction.CommitAsync(Cancel);
        }

        Assert.Equal(("0", "off"), (await Setting("idle_in_transaction_session_timeout"), await Setting("synchronous_commit")));
        Assert.Single(await Database.ReadAll());
    }

    [Fact]
    public async Task A_limit_of_the_sessions_own_stays()
    {
        await Connection.ExecuteAsync("SET idle_in_transaction_session_timeout = '7s'");
        await using var transaction = await Connection.BeginTransactionAsync(Cancel);
        await Appended(transaction);

        Assert.Equal("7s", await Setting("idle_in_transaction_session_timeout"));
    }

    [Fact]
    public async Task The_connections_settings_do_not_matter()
    {
        await Connection.ExecuteAsync("SET search_path = nowhere; SET datestyle = 'German'; SET timezone = 'Asia/Kathmandu'; SET standard_conforming_strings = off");
        var happened = new EventData(Guid.NewGuid(), "opened", """{"a":"\\ ' ü"}"""u8.ToArray());
        await using (var transaction = await Connection.BeginTransactionAsync(Cancel))
        {
            await Database.Log.Append(transaction, new AppendRequest([new(Stream("1"), ExpectedVersion.None, [happened])]), Cancel);
            await transaction.CommitAsync(Cancel);
        }

        var read = Assert.Single(await Database.ReadAll());
        Assert.Equal(happened.Data.ToArray(), read.Data.ToArray());
        Assert.InRange(DateTimeOffset.UtcNow - read.RecordedAt, TimeSpan.FromMinutes(-1), TimeSpan.FromMinutes(1));
    }

    /// <summary>The version it sees is an old one, and only the index of versions tells.</summary>
    [Theory]
    [InlineData(IsolationLevel.RepeatableRead)]
    [InlineData(IsolationLevel.Serializable)]
    public async Task A_transaction_whose_snapshot_is_too_old_is_told_to_begin_again(IsolationLevel isolation)
    {
        await Database.Happen();
        await using var transaction = await Connection.BeginTransactionAsync(isolation, Cancel);
        await Connection.ExecuteAsync($"SELECT count(*) FROM {schema.Name}.meta");
        await Database.Happen();

        var thrown = await Assert.ThrowsAsync<PostgresStoreException>(async () => await Append(transaction));

        Assert.True(thrown.IsTransient);
        Assert.Contains("Roll it back and do it again", thrown.Message, StringComparison.Ordinal);
        Assert.Equal(2, (await Database.ReadAll()).Count);
    }

    [Theory]
    [InlineData(IsolationLevel.RepeatableRead)]
    [InlineData(IsolationLevel.Serializable)]
    public async Task A_transaction_of_higher_isolation_appends_and_takes_no_inline_projections(IsolationLevel isolation)
    {
        await Database.Happen();
        await using var transaction = await Connection.BeginTransactionAsync(isolation, Cancel);

        var thrown = await Assert.ThrowsAsync<ArgumentException>(async () => await Append(transaction, joining: _ => ValueTask.CompletedTask));
        await Appended(transaction);
        await transaction.CommitAsync(Cancel);

        Assert.Contains("IsolationLevel.ReadCommitted", thrown.Message, StringComparison.Ordinal);
        Assert.Equal(2, (await Database.ReadAll()).Count);
    }

    [Fact]
    public async Task A_transaction_on_another_database_is_refused_and_both_are_named()
    {
        var server = await PostgresServer.Shared;
        var elsewhere = await server.CreateDatabase();
        await using var connection = new NpgsqlConnection(server.ConnectionString(elsewhere, "Pooling=false"));
        await connection.OpenAsync(Cancel);
        foreach (var hasLog in new[] { false, true })
        {
            if (hasLog)
            {
                await using var other = new PostgresDatabase(
                    connection.ConnectionString, new PostgresOptions { Schema = schema.Name }, new HeadwaterOptions(), TimeProvider.System, new Random(),
                    Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);
                await other.Open(Cancel);
            }

            await using var transaction = await connection.BeginTransactionAsync(Cancel);
            var thrown = await Assert.ThrowsAsync<ArgumentException>(async () => await Append(transaction));

            Assert.Contains($"'{elsewhere}'", thrown.Message, StringComparison.Ordinal);
            Assert.Contains("'postgres'", thrown.Message, StringComparison.Ordinal);
            Assert.Equal(1, await connection.ExecuteScalarAsync("SELECT 1"));
        }
    }

    [Fact]
    public async Task A_transaction_of_another_provider_is_refused_and_named()
    {
        await using var foreign = new ForeignTransaction();

        var thrown = await Assert.ThrowsAsync<ArgumentException>(async () =>
            await Database.Log.Append(foreign, new AppendRequest([new(Stream("1"), ExpectedVersion.Any, [Event()])]), Cancel));

        Assert.Contains(nameof(ForeignTransaction), thrown.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(NpgsqlTransaction), thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_append_that_the_database_fails_leaves_nothing_in_a_transaction_that_goes_on()
    {
        await using var transaction = await Connection.BeginTransactionAsync(Cancel);

        var thrown = await Assert.ThrowsAsync<PostgresStoreException>(async () => await Append(transaction, json: "no JSON"));
        await Appended(transaction);
        await transaction.CommitAsync(Cancel);

        Assert.Equal("22P02", thrown.SqlState);
        Assert.Equal(1, Assert.Single(await Database.ReadAll()).Version);
    }

    [Fact]
    public async Task A_transaction_that_has_failed_takes_nothing_and_says_so()
    {
        await using (var transaction = await Connection.BeginTransactionAsync(Cancel))
        {
            await Assert.ThrowsAsync<PostgresException>(() => Connection.ExecuteAsync("SELECT 1 / 0"));
            Assert.Equal("25P02", (await Assert.ThrowsAsync<PostgresStoreException>(async () => await Append(transaction))).SqlState);
            Assert.Equal("25P02", (await Assert.ThrowsAsync<PostgresException>(() => Connection.ExecuteAsync("SELECT 1"))).SqlState);
        }

        Assert.Equal(1, await Connection.ExecuteScalarAsync("SELECT 1"));
    }

    [Fact]
    public async Task Who_gives_up_waiting_for_a_stream_has_appended_nothing_and_can_go_on()
    {
        await using var holder = await schema.Connect();
        await schema.Run(holder, "BEGIN; SELECT {schema}.append('order-1', 0, 'opened', '{}')");
        await using var transaction = await Connection.BeginTransactionAsync(Cancel);
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var waiting = Database.Log.Append(transaction, new AppendRequest([new(Stream("1"), ExpectedVersion.Any, [Event()])]), giveUp.Token).AsTask();
        await Blocked(Connection.ProcessID);
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        await Appended(transaction, "2");
        await transaction.CommitAsync(Cancel);
        await schema.Run(holder, "COMMIT");

        Assert.Equal(["1", "2"], (await Database.ReadAll()).Select(happened => happened.Stream.Key));
    }

    /// <summary>One waits for an older open append, in no lock the server knows, and that one for a stream which the first has taken.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_append_with_inline_projections_gives_way_to_an_older_one_that_waits_for_it(bool isOfApplication)
    {
        await using var older = await schema.Connect();
        await using var own = await older.BeginTransactionAsync(Cancel);
        await Appended(own, "older");
        var request = new AppendRequest([new(Stream("both"), ExpectedVersion.Any, [Event()])]) { Participants = [new Participant(_ => ValueTask.CompletedTask)] };
        await using var transaction = isOfApplication ? await Connection.BeginTransactionAsync(Cancel) : null;
        var waiting = transaction is null ? Database.Log.Append(request, Cancel).AsTask() : Database.Log.Append(transaction, request, Cancel).AsTask();
        await Until(async () => await schema.Run(
            "SELECT count(*) FROM pg_locks l, {schema}.meta m WHERE l.locktype = 'advisory' AND l.classid::bigint = m.store AND l.objid::bigint = (hashtext('order-both')::bigint & 4294967295)") is 1L);

        await Appended(own, "both");
        await own.CommitAsync(Cancel);
        Assert.Equal(2, Assert.IsType<AppendResult.Appended>(await waiting).Streams[0].Version);
        if (transaction is not null)
            await transaction.CommitAsync(Cancel);

        Assert.Equal(["older", "both", "both"], (await Database.ReadAll()).Select(happened => happened.Stream.Key));
    }

    [Fact]
    public async Task Other_nodes_are_told_of_the_commit()
    {
        var other = await schema.Open();
        await other.Signal.Wait(Cancel);
        var woken = other.Signal.Wait(Cancel).AsTask();
        await using (var transaction = await Connection.BeginTransactionAsync(Cancel))
        {
            await Appended(transaction);
            await transaction.CommitAsync(Cancel);
        }

        Database.Log.Committed();
        await woken.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
    }

    private async ValueTask Appended(NpgsqlTransaction transaction, string key = "1") =>
        Assert.IsType<AppendResult.Appended>(await Append(transaction, key));

    private ValueTask<AppendResult> Append(
        NpgsqlTransaction transaction, string key = "1", ExpectedVersion? expected = null, string json = "{}",
        Func<IAppendTransaction, ValueTask>? joining = null) => Database.Log.Append(
        transaction, new AppendRequest([new(Stream(key), expected ?? ExpectedVersion.Any, [Event(json)])])
        {
            Participants = joining is null ? [] : [new Participant(joining)],
        }, Cancel);

    private Task<string?> Setting(string name) => Connection.ExecuteScalarAsync<string>($"SHOW {name}");

    private static ValueTask Blocked(int process) => Until(async () =>
        await (await PostgresServer.Shared).Execute($"SELECT cardinality(pg_blocking_pids({process}))") is > 0);

    private sealed class Participant(Func<IAppendTransaction, ValueTask> join) : IAppendParticipant
    {
        public string Name => "participant";

        public ValueTask Join(IAppendTransaction transaction, CancellationToken cancel) => join(transaction);

        public void Committed()
        {
        }
    }
}
