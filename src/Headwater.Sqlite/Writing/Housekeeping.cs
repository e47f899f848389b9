using Microsoft.Extensions.Logging;
using SQLitePCL;

namespace Headwater;

/// <summary>What the writer does now and then besides its callers' work, so that nothing grows without bound.</summary>
internal sealed partial class Housekeeping
{
    private static readonly TimeSpan walInterval = TimeSpan.FromSeconds(10);

    private readonly SqliteDatabase database;
    private readonly TimeSpan retention;
    private readonly TimeSpan trimInterval;
    private readonly ILogger logger;
    private DateTimeOffset nextTrim;
    private DateTimeOffset nextLook;

    public Housekeeping(SqliteDatabase database, HeadwaterOptions options, ILogger logger)
    {
        this.database = database;
        this.logger = logger;
        retention = options.ReceiptRetention;
        trimInterval = retention / 16 < TimeSpan.FromHours(1) ? retention / 16 : TimeSpan.FromHours(1);
    }

    /// <summary>The trimming of receipts, if it is time for it. Receipts come only with writes, so it needs no clock of its own.</summary>
    public WorkItem? Due()
    {
        var now = database.Time.GetUtcNow();
        if (now < nextTrim)
            return null;
        nextTrim = now + trimInterval;
        return new Work<bool>(transaction =>
        {
            if (Receipts.Trim(transaction.Session, Micros.Of(now - retention)))
                nextTrim = now;
            return ValueTask.FromResult(true);
        });
    }

    /// <summary>
    /// Commits write the log of changes back by themselves. It can grow all the same while another program reads for long, and
    /// then only cutting it off, or a warning, helps.
    /// </summary>
    public void Bound(Session session)
    {
        var now = database.Time.GetUtcNow();
        if (now < nextLook)
            return;
        nextLook = now + walInterval;
        var wal = new FileInfo(database.Path + "-wal");
        if (!wal.Exists || wal.Length <= Writer.WalLimit)
            return;
        var result = raw.sqlite3_wal_checkpoint_v2(session.Handle, "main", raw.SQLITE_CHECKPOINT_TRUNCATE, out _, out _);
        if (result != raw.SQLITE_OK)
            LogUnbounded(logger, wal.FullName, wal.Length >> 20);
    }

    [LoggerMessage(110, LogLevel.Warning, "'{Path}' has grown to {Megabytes} MiB and cannot be cut off, because somebody has been reading the database for long.")]
    private static partial void LogUnbounded(ILogger logger, string path, long megabytes);
}
