using System.Data.Common;
using Dapper;
using Headwater.Specifications;
using Microsoft.Data.Sqlite;

namespace Headwater.Sqlite.Tests;

/// <summary>Appends in transactions of the application, as far as they are SQLite's own; the rest is in the specifications.</summary>
public sealed class OutboxTests : IAsyncDisposable
{
    private readonly DatabaseFile file = new();
    private readonly SqliteDatabase database;

    public OutboxTests() => database = file.Open();

    public ValueTask DisposeAsync() => file.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Rows_written_with_Dapper_and_events_have_one_fate(bool isCommitted)
    {
        await database.Happen();
        using var connection = Words.Connect(file.Path);
        await connection.ExecuteAsync("CREATE TABLE orders (id INTEGER)");
        await using (var transaction = await connection.BeginTransactionAsync(Words.Cancel))
        {
            await connection.ExecuteAsync("INSERT INTO orders VALUES (@Id)", new { Id = 7 }, transaction);
            Assert.IsType<AppendResult.Appended>(await Append(transaction));
            await connection.ExecuteAsync("INSERT INTO orders VALUES (@Id)", new { Id = 8 }, transaction);
            await (isCommitted ? transaction.CommitAsync(Words.Cancel) : transaction.RollbackAsync(Words.Cancel));
        }

        Assert.Equal(isCommitted ? 2L : 0L, Words.Sql(file.Path, "SELECT count(*) FROM orders"));
        Assert.Equal(isCommitted ? 2 : 1, (await database.ReadAll()).Count);
    }

    [Fact]
    public async Task A_deferred_transaction_takes_the_write_lock_before_the_head_is_read()
    {
        await database.Happen();
        using var connection = Words.Connect(file.Path);
        using var transaction = connection.BeginTransaction(deferred: true);
        await Append(transaction);

        var own = database.Happen("own").AsTask();
        using (var other = Words.Connect(file.Path))
        {
            other.DefaultTimeout = 1;
            Assert.Equal(5, Assert.Throws<SqliteException>(() => other.BeginTransaction()).SqliteErrorCode);
        }

        Assert.False(own.IsCompleted);
        transaction.Commit();
        Assert.Equal(3, (await own).Value);
        Assert.Equal(["1", "1", "own"], (await database.ReadAll()).Select(happened => happened.Stream.Key));
    }

    [Fact]
    public async Task A_transaction_that_read_before_others_wrote_is_told_to_begin_again()
    {
        await database.Happen();
        using var connection = Words.Connect(file.Path);
        using var transaction = connection.BeginTransaction(deferred: true);
        await connection.ExecuteScalarAsync("SELECT count(*) FROM events", transaction: transaction);
        await database.Happen();

        var thrown = await Assert.ThrowsAsync<SqliteStoreException>(async () => await Append(transaction));

        Assert.Contains("has changed since this transaction first read it", thrown.Message, StringComparison.Ordinal);
        Assert.True(thrown.IsTransient);
        Assert.Equal(2, (await database.ReadAll()).Count);
    }

    [Fact]
    public async Task Who_waits_for_the_write_lock_too_long_is_told()
    {
        var hurried = file.Open(new HurriedTime());
        await hurried.Happen();
        using var holder = Words.Connect(file.Path);
        using var held = holder.BeginTransaction();
        using var connection = Words.Connect(file.Path);
        using var transaction = connection.BeginTransaction(deferred: true);

        var thrown = await Assert.ThrowsAsync<SqliteStoreException>(async () =>
            await new SqliteLogStore(hurried).Append(transaction, Words.Request("1", Words.Event()), Words.Cancel));

        Assert.Contains("locked by another connection", thrown.Message, StringComparison.Ordinal);
        Assert.True(thrown.IsTransient);

        // Once the lock is free the same transaction goes on.
        held.Rollback();
        Assert.IsType<AppendResult.Appended>(await Append(transaction));
    }

    [Fact]
    public async Task A_transaction_on_another_file_is_refused_and_both_are_named()
    {
        await database.Happen();
        var elsewhere = Path.Combine(file.Folder, "elsewhere.db");
        await file.Open(path: elsewhere).Happen();
        using var connection = Words.Connect(elsewhere);
        using var transaction = connection.BeginTransaction();

        var thrown = await Assert.ThrowsAsync<ArgumentException>(async () => await Append(transaction));

        Assert.Contains(elsewhere, thrown.Message, StringComparison.Ordinal);
        Assert.Contains(file.Path, thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_file_by_another_name_is_the_same()
    {
        await database.Happen();
        var link = Path.Combine(file.Folder, "link");
        Directory.CreateSymbolicLink(link, file.Folder);
        using var connection = Words.Connect(Path.Combine(link, "log.db"));
        using var transaction = connection.BeginTransaction();

        Assert.IsType<AppendResult.Appended>(await Append(transaction));
    }

    [Fact]
    public async Task A_transaction_of_another_provider_is_refused_and_named()
    {
        using var foreign = new ForeignTransaction();

        var thrown = await Assert.ThrowsAsync<ArgumentException>(async () => await Append(foreign));

        Assert.Contains(nameof(ForeignTransaction), thrown.Message, StringComparison.Ordinal);
        Assert.Contains("SqliteTransaction", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_whose_commits_do_not_wait_for_the_disk_is_refused()
    {
        await database.Happen();
        using var connection = Words.Connect(file.Path);
        await connection.ExecuteAsync("PRAGMA synchronous = NORMAL");
        using var transaction = connection.BeginTransaction();

        var thrown = await Assert.ThrowsAsync<SqliteStoreException>(async () => await Append(transaction));

        Assert.Contains("synchronous = FULL", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_append_that_finds_no_room_ends_the_transaction_and_leaves_nothing()
    {
        await database.Happen();
        using var connection = Words.Connect(file.Path);
        await connection.ExecuteAsync($"PRAGMA max_page_count = {await connection.ExecuteScalarAsync<long>("PRAGMA page_count") + 1}");
        using var transaction = connection.BeginTransaction();
        var request = Words.Request("1", Words.Event(), Words.Event($"\"{new string('x', 100_000)}\""));

        var thrown = await Assert.ThrowsAsync<SqliteStoreException>(async () =>
            await new SqliteLogStore(database).Append(transaction, request, Words.Cancel));

        Assert.Contains("the disk is full", thrown.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Append(transaction));
        Assert.Single(await database.ReadAll());
    }

    [Fact]
    public async Task An_append_that_the_database_fails_leaves_nothing_in_a_transaction_that_goes_on()
    {
        await database.Happen();
        using var connection = Words.Connect(file.Path);
        using var transaction = connection.BeginTransaction();
        var failing = Words.Request("2", Words.Event()) with
        {
            Participants = [new Participant(_ => throw SqliteStoreException.Because(file.Path, "fails."))],
        };

        await Assert.ThrowsAsync<SqliteStoreException>(async () => await new SqliteLogStore(database).Append(transaction, failing, Words.Cancel));
        await Append(transaction);
        transaction.Commit();

        Assert.Equal(["1", "1"], (await database.ReadAll()).Select(happened => happened.Stream.Key));
    }

    [Fact]
    public async Task A_participant_cannot_end_the_applications_transaction_and_the_application_still_can()
    {
        await database.Happen();
        using var connection = Words.Connect(file.Path);
        using var transaction = connection.BeginTransaction();
        var rogue = Words.Request("2", Words.Event()) with
        {
            Participants = [new Participant(async lent => await lent.Database!.CommitAsync(Words.Cancel))],
        };

        await Assert.ThrowsAnyAsync<SqliteException>(async () => await new SqliteLogStore(database).Append(transaction, rogue, Words.Cancel));
        await Append(transaction);
        transaction.Commit();

        Assert.Equal(["1", "1"], (await database.ReadAll()).Select(happened => happened.Stream.Key));
    }

    [Fact]
    public async Task The_signal_finds_what_a_transaction_of_this_process_committed_also_beside_own_appends()
    {
        await database.Happen();
        using var connection = Words.Connect(file.Path);
        for (var i = 0; i < 5; i++)
        {
            var signalled = database.Signal.Wait(Words.Cancel).AsTask();
            using (var transaction = connection.BeginTransaction())
            {
                await Append(transaction);
                transaction.Commit();
            }

            await signalled.WaitAsync(TimeSpan.FromSeconds(30), Words.Cancel);
            await database.Happen("own");
        }
    }

    [Fact]
    public async Task The_log_moves_in_beside_the_applications_tables_only_if_it_may()
    {
        await using var shared = new DatabaseFile();
        Words.Sql(shared.Path, "CREATE TABLE orders (id INTEGER)");

        var thrown = await Assert.ThrowsAsync<SqliteStoreException>(async () => await shared.Open().Happen());
        await shared.Open(besideOtherTables: true).Happen();
        await shared.Open().Happen();

        Assert.Contains("besideOtherTables: true", thrown.Message, StringComparison.Ordinal);
        Assert.Equal(2L, Words.Sql(shared.Path, "SELECT count(*) FROM events"));
        Assert.Equal(0L, Words.Sql(shared.Path, "SELECT count(*) FROM orders"));
    }

    private ValueTask<AppendResult> Append(DbTransaction transaction) =>
        new SqliteLogStore(database).Append(transaction, Words.Request("1", Words.Event()), Words.Cancel);
}
