using System.Runtime.ExceptionServices;
using Npgsql;

namespace Headwater;

/// <summary>A transaction in which application code works, and which it must not end.</summary>
internal sealed class LentTransaction(NpgsqlTransaction transaction)
{
    // It stays the same to the transaction's end, by which an end is noticed.
    private string? number;

    /// <summary>Runs application code in it. A server that goes away is not the fault of the event that was being handled.</summary>
    public async ValueTask Run(string borrower, Func<ValueTask> work)
    {
        var connection = transaction.Connection!;
        number ??= await Number(connection);
        try
        {
            await work();
        }
        catch (EventHandlingException e) when (PostgresStoreException.Concerns(e.InnerException!))
        {
            ExceptionDispatchInfo.Throw(e.InnerException!);
        }

        if (transaction.Connection is null || await Number(connection) != number)
            throw new InvalidOperationException(
                $"'{borrower}' ended the transaction it was lent. That belongs to its caller: throw an exception to undo it.");
    }

    /// <summary>
    /// Ends what application code may have left in the session; the transaction has ended by now. It is what DISCARD ALL does but for
    /// the prepared statements, which Npgsql counts on and would use in vain.
    /// </summary>
    public static async ValueTask CleanUp(NpgsqlConnection connection, CancellationToken cancel) => await connection.Run(
        "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES", cancel);

    private static async ValueTask<string> Number(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand("SELECT pg_current_xact_id()::text", connection);
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
