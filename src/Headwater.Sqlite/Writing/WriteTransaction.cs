using System.Data.Common;
using System.Runtime.ExceptionServices;
using Microsoft.Data.Sqlite;

namespace Headwater;

/// <summary>
/// A transaction that holds the write lock: the writer's, shared by the work items that are committed together, or one of the
/// application.
/// </summary>
/// <param name="session">The connection.</param>
/// <param name="database">The transaction as the provider knows it.</param>
/// <param name="guard">Stands over the connection; needed only if it is lent.</param>
/// <param name="time">Gives the time of events.</param>
internal sealed class WriteTransaction(Session session, SqliteTransaction database, TransactionGuard? guard, TimeProvider time)
{
    private readonly long headAtBegin = LogPages.Head(session);
    private long appendedBefore;
    private bool hasSavepoint;

    public Session Session => session;

    /// <summary>What application code gets to write its own tables in.</summary>
    public SqliteTransaction Database => database;

    /// <summary>The position of the last event. The write lock is held, so the next event gets the one after it.</summary>
    public long Head => headAtBegin + Appended;

    /// <summary>How many events were appended in it.</summary>
    public long Appended { get; set; }

    public long Now => Micros.Of(time.GetUtcNow());

    /// <summary>Whether it still stands. Some errors, such as a full disk, undo all of it at once.</summary>
    public bool IsSound => session.IsInTransaction && database.Connection is not null;

    /// <summary>Does one item's work between savepoints, so that its failure undoes nobody else's.</summary>
    public async ValueTask Execute(WorkItem item)
    {
        appendedBefore = Appended;
        hasSavepoint = !item.IsOneStatement;
        if (hasSavepoint)
            session.Run(Sql.Savepoint);
        try
        {
            await item.Execute(this);
        }
        catch (Exception e) when (IsSound && !SqliteStoreException.Concerns(e))
        {
            Undo();
            item.Failed(e);
        }

        if (hasSavepoint)
            session.Run(Sql.Release);
    }

    /// <summary>Undoes what the present item did so far.</summary>
    public void Undo()
    {
        if (hasSavepoint)
            session.Run(Sql.RollbackTo);
        Appended = appendedBefore;
    }

    /// <summary>Undoes what is left of an item that failed with the database. The transaction may go on without it.</summary>
    public void Withdraw()
    {
        if (!hasSavepoint || !IsSound)
            return;
        Undo();
        session.Run(Sql.Release);
    }

    /// <summary>Runs application code in it.</summary>
    public ValueTask Lend(string to, Func<ValueTask> work) => guard!.Run(database, to, work);

    /// <summary>Runs what a projection does to tables of its own. A full disk, say, is not the fault of the event it was handling.</summary>
    public async ValueTask Lend(string to, Func<DbTransaction, CancellationToken, ValueTask> tables)
    {
        try
        {
            await Lend(to, () => tables(database, CancellationToken.None));
        }
        catch (EventHandlingException e) when (SqliteStoreException.Concerns(e.InnerException!))
        {
            ExceptionDispatchInfo.Throw(e.InnerException!);
        }
    }

    public void Commit()
    {
        database.Commit();
        database.Dispose();
    }
}
