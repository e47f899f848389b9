using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Headwater;

/// <summary>
/// Lets application code write in the writer's transaction, which others share, without ending it: SQLite asks here before it
/// prepares a statement, and while the application has its turn BEGIN, COMMIT and ROLLBACK are refused. Savepoints are free.
/// </summary>
internal sealed class TransactionGuard
{
    private const string OwnSavepoint = "headwater_item";

    private readonly delegate_authorizer authorizer;
    private bool isGuestsTurn;

    public TransactionGuard(Session session)
    {
        authorizer = Authorize;
        _ = raw.sqlite3_set_authorizer(session.Handle, authorizer, null);
    }

    public async ValueTask Run(SqliteTransaction transaction, Func<ValueTask> guest)
    {
        isGuestsTurn = true;
        try
        {
            await guest();
        }
        finally
        {
            isGuestsTurn = false;
        }

        if (transaction.Connection is null)
            throw new InvalidOperationException(
                "The transaction was rolled back by the code it was lent to. It belongs to the append: throw an exception to undo it.");
    }

    /// <summary>Lets the connection be closed, also in the middle of a guest's turn.</summary>
    public void StandDown() => isGuestsTurn = false;

    private int Authorize(object userData, int action, utf8z first, utf8z second, utf8z database, utf8z trigger) =>
        isGuestsTurn && (action == raw.SQLITE_TRANSACTION || action == raw.SQLITE_SAVEPOINT && IsOwn(second)) ? raw.SQLITE_DENY : raw.SQLITE_OK;

    private static bool IsOwn(utf8z savepoint) => OwnSavepoint.Equals(savepoint.utf8_to_string(), StringComparison.OrdinalIgnoreCase);
}
