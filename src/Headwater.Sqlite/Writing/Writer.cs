using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using SQLitePCL;

namespace Headwater;

/// <summary>
/// The one writer of a database in this process. It takes what is waiting, does it in one transaction with a savepoint each,
/// commits, and then tells the callers; so many appends share one wait for the disk.
/// </summary>
internal sealed partial class Writer
{
    /// <summary>How long the write-ahead log may stay once it is written back, in bytes.</summary>
    public const long WalLimit = 64 << 20;

    /// <summary>After how many pages in the write-ahead log a commit writes them back into the database.</summary>
    public const int CheckpointPages = 2000;

    private const int MaxWaiting = 4096;
    private const int MaxGroup = 1024;

    private readonly SqliteDatabase database;
    private readonly Housekeeping housekeeping;
    private readonly ILogger<Writer> logger;
    private readonly Channel<WorkItem> waiting = Channel.CreateBounded<WorkItem>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
    private readonly List<WorkItem> group = [];
    private readonly TaskCreationOptions waking;
    private readonly Task running;
    private Session? session;
    private TransactionGuard? guard;
    private long commits;
    private long appendedTo;

    public Writer(SqliteDatabase database, TaskScheduler scheduler, HeadwaterOptions options, ILogger<Writer> logger)
    {
        this.database = database;
        this.logger = logger;
        housekeeping = new Housekeeping(database, options, logger);

        // The callers' work must not run on the writer's thread. A scheduler that is shared with them queues it in any case.
        waking = scheduler is WriterThread || scheduler == TaskScheduler.Default
            ? TaskCreationOptions.RunContinuationsAsynchronously
            : TaskCreationOptions.None;
        running = Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler).Unwrap();
    }

    /// <summary>How many transactions were committed.</summary>
    public long Commits => Volatile.Read(ref commits);

    /// <summary>The position of the last event this process has appended. Its own tail is told of it without a signal.</summary>
    public long AppendedTo => Volatile.Read(ref appendedTo);

    /// <summary>Hands in work and waits until it is committed. Cancelling ends the waiting only.</summary>
    public ValueTask<T> Do<T>(WorkItem<T> item, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var done = item.Begin(waking);
        return waiting.Writer.TryWrite(item) ? new ValueTask<T>(done.WaitAsync(cancel)) : DoLater(item, done, cancel);
    }

    public ValueTask<T> Do<T>(Func<WriteTransaction, ValueTask<T>> work, CancellationToken cancel) => Do(new Work<T>(work), cancel);

    /// <summary>Takes no more work, does what was handed in, and closes the connection.</summary>
    public async Task Stop()
    {
        waiting.Writer.TryComplete();
        await running;
    }

    /// <summary>Closes the connection at once; what is not committed is gone.</summary>
    public void Abandon()
    {
        waiting.Writer.TryComplete();
        CloseSession();
    }

    /// <summary>Waits for room first.</summary>
    private async ValueTask<T> DoLater<T>(WorkItem<T> item, Task<T> done, CancellationToken cancel)
    {
        try
        {
            await waiting.Writer.WriteAsync(item, cancel);
        }
        catch (ChannelClosedException)
        {
            throw new ObjectDisposedException(nameof(SqliteDatabase), $"The database '{database.Path}' is closed.");
        }

        return await done.WaitAsync(cancel);
    }

    private async Task Run()
    {
        while (await waiting.Reader.WaitToReadAsync())
        {
            group.Clear();
            Take();
            if (housekeeping.Due() is { } chore)
                group.Add(chore);
            await DoTogether();
            if (session is not null)
                housekeeping.Bound(session);
        }

        CloseSession();
    }

    private bool Take()
    {
        var before = group.Count;
        while (group.Count < MaxGroup && waiting.Reader.TryRead(out var item))
            group.Add(item);
        return group.Count > before;
    }

    /// <summary>
    /// Does a group, and whatever comes in meanwhile. If the transaction is lost, those who did not cause it are done again,
    /// each in a transaction of its own: appends find their event ids known if they were committed after all.
    /// </summary>
    private async ValueTask DoTogether()
    {
        var lost = await Attempt(group, isOpenEnded: true);
        if (lost is null)
        {
            Publish(group);
            return;
        }

        LogLost(logger, lost.Reason, database.Path, group.Count);
        var culprit = lost.Culprit;
        var isHopeless = !lost.HasBegun || group.Count == 1;
        foreach (var item in group)
        {
            var failure = isHopeless || item == culprit ? lost : await Attempt([item], isOpenEnded: false);
            if (failure is not null)
                item.Failed(failure.Reason);
            item.Publish();

            // Without a transaction the others need not wait for the same in turn.
            if (failure is { HasBegun: false })
                (isHopeless, lost) = (true, failure);
        }
    }

    private async ValueTask<LostTransaction?> Attempt(List<WorkItem> items, bool isOpenEnded)
    {
        WriteTransaction? transaction = null;
        WorkItem? current = null;
        try
        {
            transaction = await Begin();
            for (var i = 0; i < items.Count || (isOpenEnded && Take()); i++)
            {
                current = items[i];
                await transaction.Execute(current);
            }

            current = null;
            transaction.Commit();
            Interlocked.Increment(ref commits);
            if (transaction.Appended > 0)
                Volatile.Write(ref appendedTo, transaction.Head);
            return null;
        }
        catch (Exception e)
        {
            CloseSession();
            database.Reopen();
            return new LostTransaction(SqliteStoreException.From(database.Path, e), current, transaction is not null);
        }
    }

    /// <summary>
    /// Begins a transaction that holds the write lock. The provider would wait for the lock asleep, 150 ms at a time, so the
    /// transaction begins without it and the first statement takes it, again and again while another connection has it.
    /// </summary>
    private async ValueTask<WriteTransaction> Begin()
    {
        if (session is not null && !File.Exists(database.Path))
            throw SqliteStoreException.Because(database.Path, "is gone: its file is not there any more.", isTransient: true);
        if (session is null)
        {
            session = await database.OpenWriter();
            guard = database.Guard(session);
        }

        var wait = new BusyWait(database);
        while (true)
        {
            var transaction = session.Connection.BeginTransaction(deferred: true);
            try
            {
                session.Run(Sql.Lock);
                return new WriteTransaction(session, transaction, guard, database.Time);
            }
            catch (SqliteException e) when (e.SqliteErrorCode == raw.SQLITE_BUSY)
            {
                transaction.Dispose();
                await wait.After(e);
            }
        }
    }

    private void CloseSession()
    {
        guard?.Dispose();
        guard = null;
        var closing = session;
        session = null;
        closing?.Dispose();
    }

    private static void Publish(List<WorkItem> items)
    {
        foreach (var item in items)
            item.Publish();
    }

    private sealed record LostTransaction(Exception Reason, WorkItem? Culprit, bool HasBegun);

    [LoggerMessage(100, LogLevel.Warning, "A transaction on '{Path}' was lost, with {Items} pieces of work; those that did not cause it are tried once more.")]
    private static partial void LogLost(ILogger logger, Exception e, string path, int items);
}
