using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>
/// One database file: a writer, a few connections for reading, and the settings that make an acknowledged append one that is
/// on disk. Nothing is opened before the first use, and what goes wrong then can go well at the next one.
/// </summary>
internal sealed class SqliteDatabase : IAsyncDisposable, IDisposable
{
    private const int MaxReaders = 8;
    private static readonly TimeSpan busyTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan busyRetry = TimeSpan.FromMilliseconds(10);

    private readonly SemaphoreSlim opening = new(1);
    private readonly SemaphoreSlim reading = new(MaxReaders);
    private readonly ConcurrentBag<Session> idleReaders = [];
    private readonly Random random;
    private readonly ILogger<TransactionGuard> guardLogger;
    private volatile string? openEpoch;
    private volatile bool isOpen;
    private volatile bool isClosed;
    private int closing;
    private int generation;

    /// <param name="path">The file; it and its folder are created if they are missing.</param>
    /// <param name="time">Gives the time of events, and of waiting.</param>
    /// <param name="writer">Runs the writer. Nothing else should, because commits block it.</param>
    /// <param name="random">Chooses the epoch of a new log.</param>
    /// <param name="options">How long receipts are kept.</param>
    /// <param name="loggers">Make the writer's logger.</param>
    public SqliteDatabase(
        string path, TimeProvider time, TaskScheduler writer, Random random, HeadwaterOptions options, ILoggerFactory loggers)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (path.StartsWith(':') || path.StartsWith("file:", StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException($"'{path}' is no file: Headwater needs a database on disk.", nameof(path));
        Path = System.IO.Path.GetFullPath(path);
        Time = time;
        this.random = random;
        guardLogger = loggers.CreateLogger<TransactionGuard>();
        Signal = new SqliteSignal(this);
        Writer = new Writer(this, writer, options, loggers.CreateLogger<Writer>());
    }

    public string Path { get; }

    /// <summary>The file's name as SQLite has it, links followed, once the database is open.</summary>
    public string? OpenedAs { get; private set; }

    public TimeProvider Time { get; }

    public Writer Writer { get; }

    public SqliteSignal Signal { get; }

    /// <summary>Whether the log may move into a file that has tables of the application already.</summary>
    public bool BesideOtherTables { get; init; }

    /// <summary>Whether a commit waits for the disk. Only simulations, which crash without the machine, do without.</summary>
    public bool IsDurable { get; init; } = true;

    /// <summary>Called with each connection opened for writing; tests make it fail in ways a real disk does.</summary>
    public Action<Session>? WriterOpened { get; init; }

    /// <summary>The log's epoch, once the database is open.</summary>
    public string Epoch => openEpoch!;

    /// <summary>Reads on a connection of its own. What is read is taken into memory before the connection is given back.</summary>
    public async ValueTask<T> Read<TArgument, T>(TArgument argument, Func<Session, TArgument, T> read, CancellationToken cancel)
    {
        await Open(cancel);
        await reading.WaitAsync(cancel);
        try
        {
            var current = Volatile.Read(ref generation);
            var session = idleReaders.TryTake(out var idle) ? idle : OpenReader();
            try
            {
                var result = read(session, argument);
                if (isClosed || current != Volatile.Read(ref generation))
                    session.Dispose();
                else
                    idleReaders.Add(session);
                return result;
            }
            catch
            {
                session.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw SqliteStoreException.From(Path, e);
        }
        finally
        {
            reading.Release();
        }
    }

    /// <summary>Reads with several statements in one snapshot.</summary>
    public ValueTask<T> ReadSnapshot<TArgument, T>(TArgument argument, Func<Session, TArgument, T> read, CancellationToken cancel) =>
        Read((argument, read), static (session, work) =>
        {
            session.Run(Sql.BeginRead);
            var result = work.read(session, work.argument);
            session.Run(Sql.EndRead);
            return result;
        }, cancel);

    /// <summary>Opens a connection that reads only.</summary>
    public Session OpenReader()
    {
        var session = Connect(SqliteOpenMode.ReadWrite);
        session.Set("query_only", "1");
        return session;
    }

    /// <summary>Opens the connection that writes. It does not block while another process writes; the writer tries again.</summary>
    public async ValueTask<Session> OpenWriter()
    {
        await Open(CancellationToken.None);
        var session = Connect(SqliteOpenMode.ReadWrite);
        try
        {
            session.Set("journal_size_limit", Writer.WalLimit.ToString(CultureInfo.InvariantCulture));
            session.Set("wal_autocheckpoint", Writer.CheckpointPages.ToString(CultureInfo.InvariantCulture));
            session.Set("cache_size", "-16384");
            session.WaitWhenBusy(TimeSpan.Zero);
            WriterOpened?.Invoke(session);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Watches over application code that is lent a connection.</summary>
    public TransactionGuard Guard(Session session) => TransactionGuard.Over(session, Time, guardLogger);

    /// <summary>Makes sure that the database is there and is the one it was.</summary>
    public async ValueTask Open(CancellationToken cancel)
    {
        if (isOpen)
            return;
        await opening.WaitAsync(cancel);
        try
        {
            var started = Time.GetTimestamp();
            while (!isOpen)
            {
                ObjectDisposedException.ThrowIf(isClosed, this);
                try
                {
                    OpenNow();
                }
                catch (SqliteException e) when (e.SqliteErrorCode == SQLitePCL.raw.SQLITE_BUSY && Time.GetElapsedTime(started) < busyTimeout)
                {
                    await Task.Delay(busyRetry, Time, cancel);
                }
            }
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw SqliteStoreException.From(Path, e);
        }
        finally
        {
            opening.Release();
        }
    }

    /// <summary>Closes what is open after an error that concerns the whole database; the next use opens it anew.</summary>
    public void Reopen()
    {
        isOpen = false;
        Interlocked.Increment(ref generation);
        CloseReaders();
    }

    /// <summary>Ends as a crash would: what is not committed is gone, and nobody is told.</summary>
    public void Abandon()
    {
        closing = 1;
        isClosed = true;
        isOpen = false;
        Writer.Abandon();
        Signal.Close();
        CloseReaders();
    }

    /// <summary>Commits what was handed in, writes the log of changes back into the file, and closes it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref closing, 1) != 0)
            return;

        // The writer goes last: the last connection that closes writes everything back and removes the log of changes.
        Signal.Close();
        CloseReaders();
        await Writer.Stop();
        isClosed = true;
        isOpen = false;
        CloseReaders();
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private void OpenNow()
    {
        // A database that was there and is gone is an error, and not a reason to begin a new log in its place.
        var isFirst = openEpoch is null;
        if (isFirst)
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        using var session = Session.Open(Path, isFirst ? SqliteOpenMode.ReadWriteCreate : SqliteOpenMode.ReadWrite, busyTimeout);
        Durable(session);
        var epoch = Schema.Bring(session, Path, BesideOtherTables, NewEpoch);
        if (!isFirst && epoch != openEpoch)
            throw SqliteStoreException.Because(Path, $"is another log now: its epoch is {epoch} and was {openEpoch}. Start again to use it.");
        var head = LogPages.Head(session);
        if (head < Writer.AppendedTo)
            throw SqliteStoreException.Because(Path,
                $"is an older copy now: its last position is {head}, and {Writer.AppendedTo} was acknowledged. Start again to use it.");
        OpenedAs = session.Connection.DataSource;
        openEpoch = epoch;
        isOpen = true;
    }

    private Session Connect(SqliteOpenMode mode)
    {
        var session = Session.Open(Path, mode, busyTimeout);
        try
        {
            session.Set("journal_mode", "WAL", reads: "wal");
            Durable(session);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>FULL: a commit returns when the log of changes is on disk. The setting belongs to the connection.</summary>
    private void Durable(Session session) => session.Set("synchronous", IsDurable ? "2" : "0");

    private string NewEpoch()
    {
        lock (random)
            return random.Next().ToString("x8", CultureInfo.InvariantCulture);
    }

    private void CloseReaders()
    {
        while (idleReaders.TryTake(out var session))
            session.Dispose();
    }
}
