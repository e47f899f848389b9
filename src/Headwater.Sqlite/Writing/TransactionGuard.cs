using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using SQLitePCL;

namespace Headwater;

/// <summary>
/// Lets application code write in the writer's transaction, which others share, without ending it: SQLite asks here before it
/// prepares a statement, and while the application has its turn BEGIN, COMMIT and ROLLBACK are refused. Savepoints are free.
/// </summary>
internal sealed partial class TransactionGuard : IDisposable
{
    private const string OwnSavepoint = "headwater_item";

    // Nobody else can append meanwhile, so whoever takes long is named.
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(5);

    private readonly Session session;
    private readonly delegate_authorizer authorizer;
    private readonly ILogger logger;
    private readonly ITimer watch;
    private volatile string? guest;

    private TransactionGuard(Session session, TimeProvider time, ILogger logger)
    {
        this.logger = logger;
        this.session = session;
        authorizer = Authorize;
        _ = raw.sqlite3_set_authorizer(session.Handle, authorizer, null);
        watch = time.CreateTimer(_ => Name(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Stands guard over a connection until it is dismissed.</summary>
    public static TransactionGuard Over(Session session, TimeProvider time, ILogger logger) => new(session, time, logger);

    public async ValueTask Run(SqliteTransaction transaction, string name, Func<ValueTask> work)
    {
        guest = name;
        watch.Change(patience, patience);
        try
        {
            await work();
        }
        finally
        {
            watch.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            guest = null;
        }

        if (transaction.Connection is null)
            throw new InvalidOperationException(
                $"'{name}' ended the transaction it was lent. That belongs to the append: throw an exception to undo it.");
    }

    /// <summary>Lets the connection go or be closed, also in the middle of a guest's turn.</summary>
    public void Dispose()
    {
        guest = null;
        watch.Dispose();
        if (!session.Handle.IsClosed)
            _ = raw.sqlite3_set_authorizer(session.Handle, default(delegate_authorizer), null);
    }

    private void Name()
    {
        if (guest is { } name)
            LogHolding(logger, name, patience.TotalSeconds);
    }

    private int Authorize(object userData, int action, utf8z first, utf8z second, utf8z database, utf8z trigger) =>
        guest is not null && (action == raw.SQLITE_TRANSACTION || action == raw.SQLITE_SAVEPOINT && IsOwn(second)) ? raw.SQLITE_DENY : raw.SQLITE_OK;

    private static bool IsOwn(utf8z savepoint) => OwnSavepoint.Equals(savepoint.utf8_to_string(), StringComparison.OrdinalIgnoreCase);

    [LoggerMessage(120, LogLevel.Warning, "'{Name}' has been holding up every append for {Seconds} s and more, because it works in their transaction.")]
    private static partial void LogHolding(ILogger logger, string name, double seconds);
}
