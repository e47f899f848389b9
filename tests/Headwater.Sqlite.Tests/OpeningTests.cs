using Microsoft.Data.Sqlite;

namespace Headwater.Sqlite.Tests;

public sealed class OpeningTests
{
    [Fact]
    public async Task Many_that_open_a_new_file_at_once_bring_it_to_its_tables_once()
    {
        await using var file = new DatabaseFile();
        var databases = Enumerable.Range(0, 8).Select(_ => file.Open()).ToList();

        await Task.WhenAll(databases.Select(database => Task.Run(() => database.Happen().AsTask())));

        var heads = await Task.WhenAll(databases.Select(database => database.Head().AsTask()));
        Assert.Single(heads.Distinct());
        Assert.Equal(8, heads[0].Position.Value);
        Assert.Equal(1L, Words.Sql(file.Path, "SELECT count(*) FROM meta"));
    }

    [Fact]
    public async Task Who_opens_a_file_while_another_brings_it_to_its_tables_takes_it_for_ours()
    {
        for (var round = 0; round < 40; round++)
        {
            await using var file = new DatabaseFile();
            using var together = new Barrier(6);

            await Task.WhenAll(Enumerable.Range(0, 6).Select(each => Task.Factory.StartNew(() =>
            {
                using var session = Session.Open(file.Path, SqliteOpenMode.ReadWriteCreate, TimeSpan.FromSeconds(5));
                together.SignalAndWait(Words.Cancel);
                Assert.Equal("00000001", Brought(session, file.Path));
            }, Words.Cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        }

        // Whoever finds the file locked tries again, as a database does when it is opened.
        static string Brought(Session session, string path)
        {
            while (true)
            {
                try
                {
                    return Schema.Bring(session, path, besideOtherTables: false, () => "00000001");
                }
                catch (SqliteException e) when (e.SqliteErrorCode == SQLitePCL.raw.SQLITE_BUSY)
                {
                    Thread.Yield();
                }
            }
        }
    }

    [Fact]
    public async Task Nothing_is_opened_before_the_first_use_and_the_folder_is_created_then()
    {
        await using var file = new DatabaseFile();
        Directory.Delete(file.Folder);
        var database = file.Open();
        Assert.False(Directory.Exists(file.Folder));

        await database.Happen();

        Assert.True(File.Exists(file.Path));
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_named()
    {
        await using var file = new DatabaseFile();
        await File.WriteAllTextAsync(file.Path, new string('x', 10_000), Words.Cancel);

        await Fails(file, "is no SQLite database");

        Assert.Equal(10_000, new FileInfo(file.Path).Length);
    }

    [Fact]
    public async Task Another_applications_database_is_left_alone()
    {
        await using var file = new DatabaseFile();
        Words.Sql(file.Path, "CREATE TABLE customers (id INTEGER)");

        await Fails(file, "belongs to another application");

        Assert.Equal("delete", Words.Sql(file.Path, "PRAGMA journal_mode"));
    }

    [Fact]
    public async Task A_database_of_a_newer_version_is_refused_by_number()
    {
        await using var file = new DatabaseFile();
        var database = file.Open();
        await database.Happen();
        await database.DisposeAsync();
        Words.Sql(file.Path, "PRAGMA user_version = 999");

        await Fails(file, "schema is number 999");
    }

    [Fact]
    public async Task A_database_of_the_first_version_is_brought_to_this_one_and_keeps_what_it_has()
    {
        await using var file = new DatabaseFile();
        Words.Sql(file.Path, SqlFiles.Texts("Migrations").First() +
            "INSERT INTO meta VALUES ('epoch', '4acfc7fc'); INSERT INTO checkpoints VALUES ('mail', 7, 2, 0);"
            + "PRAGMA application_id = 0x48575452; PRAGMA user_version = 1");
        var database = file.Open();

        Assert.Equal("4acfc7fc", (await database.Head()).Epoch);
        var checkpoints = new SqliteCheckpointStore(database);
        Assert.Equal(new Checkpoint(new Position(7), 2), await checkpoints.Load("mail", Words.Cancel));
        Assert.Equal(new Checkpoint(new Position(7), 2, 5), await checkpoints.Claim("mail", 5, Words.Cancel));
        Assert.Equal(SqlFiles.Texts("Migrations").Count(), Convert.ToInt32(Words.Sql(file.Path, "PRAGMA user_version"), System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_is_named()
    {
        await using var file = new DatabaseFile();
        await File.WriteAllTextAsync(file.Path, "a file", Words.Cancel);

        await Fails(file, "cannot be opened", Path.Combine(file.Path, "log.db"));
    }

    [Fact]
    public async Task A_folder_that_may_not_be_written_is_named()
    {
        await using var disk = SmallDisk.Mount();
        disk.MakeReadOnly();
        await using var file = new DatabaseFile();

        await Fails(file, "cannot be", Path.Combine(disk.Folder, "log.db"));
    }

    [Fact]
    public void An_engine_that_can_lose_commits_is_refused() =>
        Assert.Contains("3.51.3 or newer", Assert.Throws<NotSupportedException>(() => Schema.CheckEngine("3.51.2")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(":memory:")]
    [InlineData("file:log.db?mode=memory")]
    [InlineData(" ")]
    public async Task Only_a_file_will_do(string path)
    {
        await using var file = new DatabaseFile();
        Assert.Throws<ArgumentException>(() => file.Open(path: path));
    }

    [Fact]
    public async Task Every_connection_waits_for_the_disk()
    {
        await using var file = new DatabaseFile();
        var database = file.Open();

        var writing = await database.Writer.Do(
            transaction => ValueTask.FromResult(transaction.Session.Ask("PRAGMA synchronous") + transaction.Session.Ask("PRAGMA journal_mode")),
            Words.Cancel);
        var reading = await database.Read(0, (session, _) => session.Ask("PRAGMA query_only") + session.Ask("PRAGMA journal_mode"), Words.Cancel);

        Assert.Equal("2wal", writing);
        Assert.Equal("1wal", reading);
    }

    [Fact]
    public async Task A_clean_end_leaves_one_file()
    {
        await using var file = new DatabaseFile();
        var database = file.Open();
        await database.Happen();
        await database.ReadAll();
        var listening = database.Signal.Wait(Words.Cancel).AsTask();

        await database.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => listening);

        Assert.Equal([file.Path], Directory.GetFiles(file.Folder));
    }

    [Fact]
    public async Task What_is_closed_says_so()
    {
        await using var file = new DatabaseFile();
        var database = file.Open();
        await database.Happen();
        await database.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await database.Happen());
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await database.ReadAll());
    }

    private static async Task Fails(DatabaseFile file, string because, string? path = null)
    {
        var database = file.Open(path: path);
        var whenReading = await Assert.ThrowsAsync<SqliteStoreException>(async () => await database.ReadAll());
        var whenWriting = await Assert.ThrowsAsync<SqliteStoreException>(async () => await database.Happen());

        foreach (var thrown in new[] { whenReading, whenWriting })
        {
            Assert.Contains(because, thrown.Message, StringComparison.Ordinal);
            Assert.Contains(database.Path, thrown.Message, StringComparison.Ordinal);
        }
    }
}
