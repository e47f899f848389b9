using System.Data.Common;
using System.Runtime.ExceptionServices;
using Npgsql;

namespace Headwater;

/// <summary>
/// A transaction that application code began on the database and will end: an append joins it, in a savepoint, so that one that is
/// refused or fails leaves it as it was, its locks included. From an append on readers wait for the transaction's end.
/// </summary>
internal sealed class ApplicationTransaction
{
    private const string Savepoint = "SAVEPOINT headwater_append";
    private const string Release = "RELEASE SAVEPOINT headwater_append";
    private const string RollBack = "ROLLBACK TO SAVEPOINT headwater_append; RELEASE SAVEPOINT headwater_append";

    private readonly PostgresDatabase database;
    private readonly NpgsqlTransaction transaction;
    private readonly NpgsqlConnection connection;
    private string isolation = "";

    public ApplicationTransaction(PostgresDatabase database, DbTransaction transaction)
    {
        this.database = database;
        this.transaction = transaction as NpgsqlTransaction ?? throw new ArgumentException(
            $"A {transaction.GetType()} cannot take events: the log is in the PostgreSQL database {database.Name}. "
            + "Begin an NpgsqlTransaction (Npgsql) on that database.", nameof(transaction));
        connection = IsOpen ? this.transaction.Connection! : throw new InvalidOperationException(
            "The transaction has ended: it was committed or rolled back, or its connection was closed. Append before its commit.");
    }

    /// <summary>Whether each statement sees what others have committed by then, as the log's own do.</summary>
    private bool SeesOthers => isolation is "read committed" or "read uncommitted";

    /// <summary>Npgsql says so by throwing at whoever asks a transaction that has ended for its isolation.</summary>
    private bool IsOpen
    {
        get
        {
            try
            {
                _ = transaction.IsolationLevel;
                return true;
            }
            catch (InvalidOperationException)
            {
                return false;
            }
        }
    }

    /// <summary>The database must be open.</summary>
    public async ValueTask<AppendResult> Append(Append append, CancellationToken cancel)
    {
        AppendResult? result;
        try
        {
            var turn = new InlineTurn(database);
            do
            {
                await Begin(cancel);
                result = await Execute(append, turn, cancel);
                await connection.Run(result is AppendResult.Appended { AlreadyKnown: false } ? Release : RollBack, CancellationToken.None);
            }
            while (result is null);
        }
        catch (Exception e)
        {
            // The application may go on and commit: nothing may be left of an append that failed.
            await Withdraw();
            ExceptionDispatchInfo.Throw(Say(e));
            throw;
        }

        return await append.AtHead(result, database, cancel);
    }

    /// <summary>Makes the savepoint and looks where the transaction is.</summary>
    private async ValueTask Begin(CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { new(Savepoint), new(database.Sql.Join) } };
        try
        {
            await using var row = await batch.ExecuteReaderAsync(cancel);
            if (await row.ReadAsync(cancel) && row.GetString(0) == database.Epoch)
            {
                isolation = row.GetString(1);
                return;
            }
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName
            or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.UndefinedFunction)
        {
            throw Elsewhere(e);
        }

        throw Elsewhere(null);
    }

    /// <summary>Null if it must give way, and is to be done again.</summary>
    private async ValueTask<AppendResult?> Execute(Append append, InlineTurn turn, CancellationToken cancel)
    {
        var participants = append.EventCount > 0 ? append.Request.Participants : [];
        if (participants.Count == 0)
            return await append.Within(database, connection, cancel);
        if (!SeesOthers)
            throw new ArgumentException(
                $"The transaction has the isolation '{isolation}', in which inline projections ({string.Join(", ", participants.Select(each => each.Name))}) "
                + "would miss events that others have committed since it began. Begin it with IsolationLevel.ReadCommitted, or make them async.");

        await turn.Take(connection, cancel);
        var result = await append.Within(database, connection, cancel);
        return result is AppendResult.Appended { AlreadyKnown: false, Position: var last } && await turn.Join(participants, transaction, last, cancel) is null
            ? null
            : result;
    }

    private async ValueTask Withdraw()
    {
        if (!IsOpen)
            return;
        try
        {
            await connection.Run(RollBack, CancellationToken.None);
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
        {
            // It is lost with its connection, or had failed before: nothing of it will be committed.
        }
    }

    private Exception Say(Exception e) => e switch
    {
        PostgresException { SqlState: PostgresErrorCodes.UniqueViolation } error when !SeesOthers && error.SchemaName == database.SchemaName => Stale(error),
        PostgresException { SqlState: PostgresErrorCodes.SerializationFailure } error => Stale(error),
        _ => PostgresStoreException.From(database.Name, e),
    };

    private PostgresStoreException Stale(PostgresException error) => PostgresStoreException.Because(
        database.Name, $"has changed since this transaction, whose isolation is '{isolation}', first read it, so the transaction cannot append any more. "
        + "Roll it back and do it again.", error, isTransient: true);

    private ArgumentException Elsewhere(Exception? cause) => new(
        $"The transaction is on the database '{connection.Database}' on {connection.Host}:{connection.Port}, which is not where the log is: "
        + $"in the schema {database.QuotedSchema} of the database {database.Name}. Events can only be appended in a transaction on the log's own database.", cause);
}
