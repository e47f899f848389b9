using System.Data.Common;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Headwater.Sqlite.Tests;

public sealed class TroubleTests
{
    private static readonly string kilobytes = $"\"{new string('x', 5000)}\"";

    [Fact]
    public async Task A_full_disk_loses_nothing_acknowledged_and_appends_work_again_when_there_is_room()
    {
        await using var file = new DatabaseFile();
        long maxPages = 60;
        var database = file.Open(writerOpened: session => session.Ask(string.Create(CultureInfo.InvariantCulture, $"PRAGMA max_page_count = {maxPages}")));

        var (acknowledged, failures) = await AppendMany(database, 200);

        Assert.NotEmpty(acknowledged);
        Assert.NotEmpty(failures);
        Assert.All(failures, failure => AssertFull(failure, database.Path));
        Assert.Equal(acknowledged, Keys(await database.ReadAll()));

        maxPages = 100_000;
        await database.Happen("after");
        Assert.Equal([.. acknowledged.Order(), "after"], Keys(await database.ReadAll()).Order());
        Assert.Equal("ok", Words.Sql(file.Path, "PRAGMA integrity_check"));
    }

    [Fact]
    public async Task A_disk_that_is_full_in_truth_loses_nothing_either()
    {
        await using var disk = SmallDisk.Mount();
        await using var file = new DatabaseFile();
        var database = file.Open(path: Path.Combine(disk.Folder, "log.db"));
        var (acknowledged, _) = await AppendMany(database, 50);
        disk.Fill("filler");

        var (more, failures) = await AppendMany(database, 200, from: 50);

        Assert.NotEmpty(failures);
        Assert.All(failures, failure => Assert.Contains(database.Path, Assert.IsType<SqliteStoreException>(failure).Message, StringComparison.Ordinal));
        File.Delete(Path.Combine(disk.Folder, "filler"));
        await database.Happen("after");
        Assert.Equal([.. acknowledged.Concat(more).Order(), "after"], Keys(await database.ReadAll()).Order());
        await database.DisposeAsync();
        Assert.Equal("ok", Words.Sql(database.Path, "PRAGMA integrity_check"));
    }

    /// <summary>A projection's own tables fill the disk: that is no event's fault, for which the projection would stop or skip it.</summary>
    [Fact]
    public async Task A_full_disk_is_not_blamed_on_the_event_that_a_projection_was_handling()
    {
        await using var file = new DatabaseFile();
        var database = file.Open(writerOpened: session => session.Ask("PRAGMA max_page_count = 60"));
        var store = new SqliteReadModelStore(database);
        await database.Happen();
        var happened = (await database.ReadAll())[0];
        var handler = new TablesHandler(new Hoarder());
        await store.Prepare(new ReadModelSchema("hoard", []), handler.Tables.Create, Words.Cancel);

        var commit = await handler.Work(new ProjectionCommit("hoard", default, happened.Position, []), [happened], (_, _) => default, Words.Cancel);
        AssertFull(await Assert.ThrowsAsync<SqliteStoreException>(async () => await store.Commit(commit, Words.Cancel)), database.Path);
        Assert.Equal(Position.Start, (await store.State("hoard", Words.Cancel)).Checkpoint.Position);
    }

    [Fact]
    public async Task Those_who_do_not_fit_do_not_take_the_others_with_them()
    {
        await using var file = new DatabaseFile();
        var database = file.Open(writerOpened: session => session.Ask("PRAGMA max_page_count = 60"));
        await database.Happen("first");

        var large = database.Append(Words.Request("large", Words.Event($"\"{new string('x', 1_000_000)}\""))).AsTask();
        var small = Enumerable.Range(0, 20).Select(i => database.Happen($"{i}").AsTask()).ToList();

        AssertFull(await Assert.ThrowsAsync<SqliteStoreException>(() => large), database.Path);
        await Task.WhenAll(small);
        Assert.Equal(21, (await database.ReadAll()).Count);
    }

    [Fact]
    public async Task A_database_that_goes_away_and_comes_back_is_used_again()
    {
        await using var file = new DatabaseFile();
        var database = file.Open();
        await database.Happen("before");
        var elsewhere = file.Folder + "-elsewhere";
        Directory.Move(file.Folder, elsewhere);

        for (var i = 0; i < 2; i++)
        {
            var thrown = await Assert.ThrowsAsync<SqliteStoreException>(async () => await database.Happen("meanwhile"));
            Assert.Contains(file.Path, thrown.Message, StringComparison.Ordinal);
            Assert.True(thrown.IsTransient);
        }

        Assert.False(Directory.Exists(file.Folder));
        Directory.Move(elsewhere, file.Folder);
        await database.Happen("after");
        Assert.Equal(["before", "after"], Keys(await database.ReadAll()));
    }

    [Fact]
    public async Task Another_log_in_the_files_place_is_not_taken_for_the_one_that_was()
    {
        await using var file = new DatabaseFile();
        await using var other = new DatabaseFile();
        var stranger = new SqliteDatabase(other.Path, TimeProvider.System, TaskScheduler.Default, new Random(2), new(), NullLoggerFactory.Instance);
        await stranger.Happen();
        await stranger.DisposeAsync();
        var database = file.Open();
        await database.Happen();
        foreach (var each in Directory.GetFiles(file.Folder))
            File.Delete(each);
        await Assert.ThrowsAsync<SqliteStoreException>(async () => await database.Happen());
        File.Copy(other.Path, file.Path);

        var thrown = await Assert.ThrowsAsync<SqliteStoreException>(async () => await database.Happen());

        Assert.Contains("is another log now", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_older_copy_in_the_files_place_is_not_taken_for_the_log_that_was()
    {
        await using var file = new DatabaseFile();
        await using var backup = new DatabaseFile();
        var first = file.Open();
        await first.Happen("kept");
        await first.DisposeAsync();
        File.Copy(file.Path, backup.Path);
        var database = file.Open();
        await database.Happen("newer");
        foreach (var each in Directory.GetFiles(file.Folder))
            File.Delete(each);
        await Assert.ThrowsAsync<SqliteStoreException>(async () => await database.Happen("meanwhile"));
        File.Copy(backup.Path, file.Path);

        var thrown = await Assert.ThrowsAsync<SqliteStoreException>(async () => await database.Happen("lost"));

        Assert.Contains("is an older copy now", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_waits_for_another_process_goes_on_soon_after_it_has_ended()
    {
        await using var file = new DatabaseFile();
        var database = file.Open();
        await database.Happen();
        using var lockHolder = Lock(file.Path);

        var waiting = database.Happen("2").AsTask();
        Assert.Single(await database.ReadAll());
        lockHolder.Dispose();

        await waiting;
    }

    [Fact]
    public async Task Who_waits_for_another_process_too_long_is_told()
    {
        await using var file = new DatabaseFile();
        var database = file.Open(new HurriedTime());
        await database.Happen();
        using (Lock(file.Path))
        {
            var thrown = await Assert.ThrowsAsync<SqliteStoreException>(async () => await database.Happen("2"));
            Assert.Contains("for 5 s", thrown.Message, StringComparison.Ordinal);
            Assert.True(thrown.IsTransient);
        }

        await database.Happen("3");
        Assert.Equal(["1", "3"], Keys(await database.ReadAll()));
    }

    [Fact]
    public async Task What_is_abandoned_before_its_commit_never_happened()
    {
        await using var file = new DatabaseFile();
        var database = file.Open();
        await database.Happen("before");
        var (entered, never) = (new TaskCompletionSource(), new TaskCompletionSource());
        var request = Words.Request("lost", Words.Event()) with
        {
            Participants = [new Participant(async _ =>
            {
                entered.TrySetResult();
                await never.Task;
            })],
        };
        var lost = database.Append(request).AsTask();
        await entered.Task;

        database.Abandon();

        var next = file.Open();
        await next.Happen("after");
        Assert.Equal(["before", "after"], Keys(await next.ReadAll()));
        Assert.False(lost.IsCompleted);
    }

    [Fact]
    public async Task Who_holds_up_all_appends_is_named()
    {
        await using var file = new DatabaseFile();
        var (time, warned, go) = (new FakeTimeProvider(), new TaskCompletionSource<string>(), new TaskCompletionSource());
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(new Told(warned)));
        var database = file.Open(time, loggers: loggers);
        await database.Happen();
        var entered = new TaskCompletionSource();
        var slow = database.Append(Words.Request("1", Words.Event()) with
        {
            Participants = [new Participant(async _ =>
            {
                entered.SetResult();
                await go.Task;
            })],
        }).AsTask();
        await entered.Task;

        time.Advance(TimeSpan.FromSeconds(4));
        Assert.False(warned.Task.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Contains("'participant' has been holding up every append", await warned.Task, StringComparison.Ordinal);
        go.SetResult();
        await slow;
    }

    private static async Task<(List<string> Acknowledged, List<Exception> Failures)> AppendMany(SqliteDatabase database, int count, int from = 0)
    {
        var appends = Enumerable.Range(from, count).Select(i => (Key: $"{i}", Task: database.Happen($"{i}", kilobytes).AsTask())).ToList();
        await Task.WhenAll(appends.Select(append => append.Task)).ContinueWith(_ => { }, TaskScheduler.Default);
        return (
            [.. appends.Where(append => append.Task.IsCompletedSuccessfully).OrderBy(append => append.Task.Result.Value).Select(append => append.Key)],
            [.. appends.Where(append => append.Task.IsFaulted).Select(append => append.Task.Exception!.InnerException!)]);
    }

    private static IEnumerable<string> Keys(IEnumerable<RecordedEvent> events) => events.Select(happened => happened.Stream.Key);

    private sealed class Hoarder : ISqlProjection
    {
        public ValueTask Create(DbTransaction transaction, CancellationToken cancel) => Run(transaction, "CREATE TABLE IF NOT EXISTS hoard (data BLOB)");

        public ValueTask Apply(RecordedEvent happened, DbTransaction transaction, CancellationToken cancel) =>
            Run(transaction, "INSERT INTO hoard VALUES (zeroblob(10000000))");

        public ValueTask Clear(DbTransaction transaction, CancellationToken cancel) => Run(transaction, "DELETE FROM hoard");

        private static ValueTask Run(DbTransaction transaction, string sql)
        {
            using var command = transaction.Connection!.CreateCommand();
            (command.Transaction, command.CommandText) = (transaction, sql);
            command.ExecuteNonQuery();
            return ValueTask.CompletedTask;
        }
    }

    private static void AssertFull(Exception failure, string path)
    {
        var thrown = Assert.IsType<SqliteStoreException>(failure);
        Assert.Contains("the disk is full", thrown.Message, StringComparison.Ordinal);
        Assert.Contains(path, thrown.Message, StringComparison.Ordinal);
        Assert.True(thrown.IsTransient);
    }

    private static SqliteConnection Lock(string path)
    {
        var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var begin = connection.CreateCommand();
        begin.CommandText = "BEGIN IMMEDIATE";
        begin.ExecuteNonQuery();
        return connection;
    }

    /// <summary>Waits for the first warning.</summary>
    private sealed class Told(TaskCompletionSource<string> warned) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            warned.TrySetResult(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
