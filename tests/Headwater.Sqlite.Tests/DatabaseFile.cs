using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Headwater.Sqlite.Tests;

/// <summary>A database file in a folder of its own, which goes with the test.</summary>
internal sealed class DatabaseFile : IAsyncDisposable
{
    private readonly List<SqliteDatabase> opened = [];
    private readonly List<WriterThread> threads = [];

    public string Folder { get; } = Directory.CreateTempSubdirectory("headwater-").FullName;

    public string Path => System.IO.Path.Combine(Folder, "log.db");

    public SqliteDatabase Open(
        TimeProvider? time = null, HeadwaterOptions? options = null, Action<Session>? writerOpened = null, string? path = null, ILoggerFactory? loggers = null,
        bool besideOtherTables = false)
    {
        var thread = new WriterThread();
        threads.Add(thread);
        var database = new SqliteDatabase(
            path ?? Path, time ?? TimeProvider.System, thread, new Random(1), options ?? new HeadwaterOptions(),
            loggers ?? NullLoggerFactory.Instance)
        {
            WriterOpened = writerOpened,
            BesideOtherTables = besideOtherTables,
        };
        opened.Add(database);
        return database;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var database in opened)
            await database.DisposeAsync();
        foreach (var thread in threads)
            thread.Dispose();
        if (Directory.Exists(Folder))
            Directory.Delete(Folder, recursive: true);
    }
}
