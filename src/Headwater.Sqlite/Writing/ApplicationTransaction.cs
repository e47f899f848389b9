using System.Data.Common;
using System.Runtime.ExceptionServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Headwater;

/// <summary>
/// A transaction that application code began on the database and will end: an append joins it. It holds the write lock from
/// then on, so the writer of this process and those of others wait until it ends.
/// </summary>
internal sealed class ApplicationTransaction
{
    private readonly SqliteDatabase database;
    private readonly SqliteTransaction transaction;

    /// <summary>The database must be open.</summary>
    public ApplicationTransaction(SqliteDatabase database, DbTransaction transaction)
    {
        this.database = database;
        this.transaction = transaction as SqliteTransaction ?? throw new ArgumentException(
            $"A {transaction.GetType()} cannot take events: the log is in the SQLite database '{database.Path}'. "
            + "Begin a SqliteTransaction (Microsoft.Data.Sqlite) on that file.", nameof(transaction));
        if (this.transaction.Connection is not { } connection)
            throw Ended();
        if (!string.Equals(connection.DataSource, database.OpenedAs, StringComparison.Ordinal))
            throw new ArgumentException(
                $"The transaction is on '{connection.DataSource}', and the log is in '{database.OpenedAs}': events can only be appended in "
                + "a transaction on the log's own file.", nameof(transaction));
    }

    public async ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel)
    {
        // The encoding needs no lock.
        var append = new Append(request);
        using var session = Session.Over(transaction.Connection!);
        if (!session.IsInTransaction)
            throw Ended();
        CheckDurable(session);
        await Lock(session, cancel);

        var done = append.Begin(TaskCreationOptions.None);
        using var guard = request.Participants.Count > 0 ? database.Guard(session) : null;
        var write = new WriteTransaction(session, transaction, guard, database.Time);
        try
        {
            await write.Execute(append);
        }
        catch (Exception e)
        {
            // The application may go on and commit: nothing may be left of an append that failed.
            write.Withdraw();
            ExceptionDispatchInfo.Throw(SqliteStoreException.From(database.Path, e));
        }

        append.Publish();
        return await done;
    }

    /// <summary>
    /// Takes the write lock, which a deferred transaction does not have yet: positions and versions are only certain under it.
    /// </summary>
    private async ValueTask Lock(Session session, CancellationToken cancel)
    {
        var wait = new BusyWait(database);
        while (true)
        {
            try
            {
                session.Run(Sql.Lock);
                return;
            }
            catch (SqliteException e) when (e.SqliteExtendedErrorCode == raw.SQLITE_BUSY_SNAPSHOT)
            {
                throw SqliteStoreException.Because(
                    database.Path, "has changed since this transaction first read it, so the transaction cannot write any more. Roll it back and "
                    + "do it again, best as one that is not deferred.", e, isTransient: true);
            }
            catch (SqliteException e) when (e.SqliteErrorCode == raw.SQLITE_BUSY)
            {
                await wait.After(e, cancel);
            }
            catch (SqliteException e)
            {
                throw SqliteStoreException.From(database.Path, e);
            }
        }
    }

    /// <summary>
    /// Readers see the events with the commit. If that were not on disk, a power failure could take them back, and others would
    /// get their positions.
    /// </summary>
    private void CheckDurable(Session session)
    {
        if (database.IsDurable && session.Ask("PRAGMA synchronous") is "0" or "1")
            throw SqliteStoreException.Because(
                database.Path, "is written by a connection whose commits do not wait for the disk. Events need PRAGMA synchronous = FULL there, "
                + "which is SQLite's default.");
    }

    private static InvalidOperationException Ended() => new(
        "The transaction has ended: it was committed or rolled back, or its connection was closed. Append before its commit.");
}
