using Dapper;
using Microsoft.Data.Sqlite;

namespace Headwater.Sqlite.Tests;

public sealed class GroupCommitTests : IAsyncDisposable
{
    private readonly DatabaseFile file = new();
    private readonly SqliteDatabase database;

    public GroupCommitTests() => database = file.Open();

    public ValueTask DisposeAsync() => file.DisposeAsync();

    [Fact]
    public async Task Appends_that_come_together_are_committed_together()
    {
        await database.Happen();
        var before = database.Writer.Commits;

        await Task.WhenAll(Enumerable.Range(0, 500).Select(i => database.Happen($"{i}").AsTask()));

        Assert.InRange(database.Writer.Commits - before, 1, 250);
        Assert.Equal(501, (await database.ReadAll()).Count);
    }

    [Fact]
    public async Task Commits_grow_in_the_order_of_positions_and_callers_get_their_own()
    {
        var positions = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => database.Happen($"{i}").AsTask()));

        var read = await database.ReadAll();
        Assert.Equal(Enumerable.Range(1, 200).Select(i => (long)i), read.Select(happened => happened.Position.Value));
        for (var i = 0; i < positions.Length; i++)
            Assert.Equal($"{i}", read[(int)positions[i].Value - 1].Stream.Key);
    }

    [Fact]
    public async Task One_that_fails_undoes_nobody_elses()
    {
        var all = await InOneGroup(Enumerable.Range(0, 60).Select(i => i % 3 == 0 ? Failing($"{i}") : Words.Request($"{i}", Words.Event())));

        Assert.Single(all.Commits);
        for (var i = 0; i < 60; i++)
        {
            if (i % 3 == 0)
                Assert.Equal("planted", (await Assert.ThrowsAsync<TimeoutException>(() => all.Results[i])).Message);
            else
                Assert.IsType<AppendResult.Appended>(await all.Results[i]);
        }

        var read = await database.ReadAll();
        Assert.Equal(Enumerable.Range(0, 60).Where(i => i % 3 != 0).Select(i => $"{i}"), read.Select(happened => happened.Stream.Key));
        Assert.Equal(Enumerable.Range(1, 40).Select(i => (long)i), read.Select(happened => happened.Position.Value));
    }

    [Fact]
    public async Task One_sees_what_came_before_it_in_its_group()
    {
        var first = Words.Event();
        var all = await InOneGroup(
        [
            Words.Request("1", first),
            new AppendRequest([new(Words.Stream("1"), ExpectedVersion.None, [Words.Event()])]),
            Words.Request("1", first),
            Words.Request("2", first),
        ]);

        Assert.IsType<AppendResult.Appended>(await all.Results[0]);
        Assert.Equal(1, Assert.IsType<AppendResult.Conflict>(await all.Results[1]).Actual);
        Assert.True(Assert.IsType<AppendResult.Appended>(await all.Results[2]).AlreadyKnown);
        Assert.IsType<AppendResult.IdReused>(await all.Results[3]);
        Assert.Single(await database.ReadAll());
    }

    [Fact]
    public async Task Application_code_writes_in_the_transaction_with_commands_and_dapper()
    {
        var request = Words.Request("1", Words.Event()) with
        {
            Participants = [new Participant(async transaction =>
            {
                var lent = transaction.Database!;
                using (var create = lent.Connection!.CreateCommand())
                {
                    create.CommandText = "CREATE TABLE mine (id INTEGER)";
                    create.Transaction = lent;
                    create.ExecuteNonQuery();
                }

                lent.Save("own");
                await lent.Connection.ExecuteAsync("INSERT INTO mine VALUES (1)", transaction: lent);
                lent.Rollback("own");
                await lent.Connection.ExecuteAsync("INSERT INTO mine VALUES (@Id)", new { Id = 2 }, lent);
            })],
        };

        Assert.IsType<AppendResult.Appended>(await database.Append(request));

        Assert.Equal(2L, Words.Sql(file.Path, "SELECT sum(id) FROM mine"));
    }

    public static TheoryData<string> Endings => ["commit", "COMMIT", "end", "rollback", "ROLLBACK", "dispose", "close", "close with force", "RELEASE headwater_item"];

    [Theory]
    [MemberData(nameof(Endings))]
    public async Task Application_code_cannot_end_the_transaction_of_the_others(string how)
    {
        var rogue = Words.Request("rogue", Words.Event()) with { Participants = [new Participant(transaction => End((SqliteTransaction)transaction.Database!, how))] };

        var all = await InOneGroup([Words.Request("1", Words.Event()), rogue, Words.Request("2", Words.Event())]);

        await Assert.ThrowsAnyAsync<Exception>(() => all.Results[1]);
        Assert.IsType<AppendResult.Appended>(await all.Results[0]);
        Assert.IsType<AppendResult.Appended>(await all.Results[2]);
        await database.Happen("3");
        Assert.Equal(["1", "2", "3"], (await database.ReadAll()).Select(happened => happened.Stream.Key));
    }

    [Fact]
    public async Task A_projections_tables_share_the_fate_of_its_checkpoint()
    {
        var store = new SqliteReadModelStore(database);
        await store.Prepare(new ReadModelSchema("tables", []), (transaction, _) => Execute(transaction, "CREATE TABLE IF NOT EXISTS mine (id INTEGER)"), Words.Cancel);
        var commit = new ProjectionCommit("tables", default, new Position(5), [])
        {
            Tables = (transaction, _) => Execute(transaction, "INSERT INTO mine VALUES (1)"),
        };

        Assert.True(await store.Commit(commit, Words.Cancel));
        Assert.False(await store.Commit(commit, Words.Cancel));
        await Assert.ThrowsAsync<SqliteException>(async () => await store.Commit(
            commit with { From = new Checkpoint(new Position(5), 0), To = new Position(6), Tables = (transaction, _) => Execute(transaction, "INSERT INTO nowhere VALUES (1)") }, Words.Cancel));

        Assert.Equal(1L, Words.Sql(file.Path, "SELECT count(*) FROM mine"));
        Assert.Equal(5, (await store.State("tables", Words.Cancel)).Checkpoint.Position.Value);
    }

    [Fact]
    public async Task A_caller_that_gives_up_only_stops_waiting()
    {
        using var gone = new CancellationTokenSource();
        var (entered, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        var holding = database.Writer.Do(
            async _ =>
            {
                entered.TrySetResult();
                await go.Task;
                return true;
            }, Words.Cancel).AsTask();
        await entered.Task;
        var waiting = new SqliteLogStore(database).Append(Words.Request("1", Words.Event()), gone.Token).AsTask();
        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        go.SetResult();
        await holding;
        await database.Happen("2");
        Assert.Equal(["1", "2"], (await database.ReadAll()).Select(happened => happened.Stream.Key));
    }

    private static AppendRequest Failing(string key) => Words.Request(key, Words.Event()) with
    {
        Participants = [new Participant(_ => throw new TimeoutException("planted"))],
    };

    /// <summary>Holds the writer up until all have been handed in, so that they are one group for certain.</summary>
    private async Task<(List<Task<AppendResult>> Results, List<long> Commits)> InOneGroup(IEnumerable<AppendRequest> requests)
    {
        var (entered, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        var holding = database.Writer.Do(
            async _ =>
            {
                entered.TrySetResult();
                await go.Task;
                return true;
            }, Words.Cancel).AsTask();
        await entered.Task;
        var before = database.Writer.Commits;
        var results = requests.Select(request => database.Append(request).AsTask()).ToList();
        go.SetResult();
        await holding;
        await Task.WhenAll(results).ContinueWith(_ => { }, TaskScheduler.Default);
        return (results, Enumerable.Range(0, (int)(database.Writer.Commits - before)).Select(i => (long)i).ToList());
    }

    private static ValueTask End(SqliteTransaction transaction, string how)
    {
        switch (how)
        {
            case "commit":
                transaction.Commit();
                break;
            case "rollback":
                transaction.Rollback();
                break;
            case "dispose":
                transaction.Dispose();
                break;
            case "close":
                transaction.Connection!.Close();
                break;
            case "close with force":
                var connection = transaction.Connection!;
                try
                {
                    connection.Close();
                }
                catch (SqliteException)
                {
                    connection.Close();
                }

                break;
            default:
                return Execute(transaction, how);
        }

        return ValueTask.CompletedTask;
    }

    private static ValueTask Execute(System.Data.Common.DbTransaction transaction, string sql)
    {
        using var command = transaction.Connection!.CreateCommand();
        command.CommandText = sql;
        command.Transaction = transaction;
        command.ExecuteNonQuery();
        return ValueTask.CompletedTask;
    }
}
