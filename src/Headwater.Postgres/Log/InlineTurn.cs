using Npgsql;

namespace Headwater;

/// <summary>
/// The turn of one append whose inline projections join its transaction. They read the log up to its events, so those who may still add
/// something below must have ended first. Some of them may themselves wait for a stream that this append holds: then it gives way,
/// which no server would find out.
/// </summary>
internal sealed class InlineTurn(PostgresDatabase database)
{
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(10);

    private readonly long started = database.Time.GetTimestamp();

    /// <summary>Waits for the turn, which lasts until the transaction ends or goes back to a savepoint.</summary>
    public async ValueTask Take(NpgsqlConnection connection, CancellationToken cancel) => await connection.Run(database.Sql.InlineTurn, cancel);

    /// <summary>
    /// Lets inline projections join, if there are any, a transaction whose last event has a position, and commits it. False if it must give way: then it is
    /// rolled back, and all of it is to be done again.
    /// </summary>
    public async ValueTask<bool> Commit(
        IReadOnlyList<IAppendParticipant> participants, NpgsqlTransaction transaction, Position last, CancellationToken cancel)
    {
        var connection = transaction.Connection!;
        var lent = participants.Count > 0 ? await Join(participants, transaction, last, cancel) : null;
        if (participants.Count > 0 && lent is null)
        {
            await transaction.RollbackAsync(CancellationToken.None);
            return false;
        }

        await transaction.CommitAsync(CancellationToken.None);
        if (lent is { WasLent: true })
            await LentTransaction.CleanUp(connection, CancellationToken.None);
        return true;
    }

    /// <summary>Lets inline projections join; null if the append must give way.</summary>
    public async ValueTask<ReadModelTransaction?> Join(
        IReadOnlyList<IAppendParticipant> participants, NpgsqlTransaction transaction, Position last, CancellationToken cancel)
    {
        if (!await Settled(transaction.Connection!, last, cancel))
            return null;
        var lent = new ReadModelTransaction(database, transaction, last);
        foreach (var participant in participants)
            await lent.Lend(participant.Name, () => participant.Join(lent, cancel));
        return lent;
    }

    private async ValueTask<bool> Settled(NpgsqlConnection connection, Position last, CancellationToken cancel)
    {
        for (var wait = 1; ; wait = Math.Min(2 * wait, 50))
        {
            await using var command = new NpgsqlCommand(database.Sql.Settled, connection);
            command.Parameters.With(last.Value);
            var (isSettled, isNeeded) = (await command.ReadAll(static row => (row.GetBoolean(0), row.GetBoolean(1)), cancel))[0];
            if (isSettled)
                return true;
            if (database.Time.GetElapsedTime(started) > patience)
                throw PostgresStoreException.Because(database.Name,
                    $"has another transaction that appended and has stayed open for {patience.TotalSeconds:0} s, so inline projections cannot go on. {await database.Watermark.Holder(cancel)}",
                    isTransient: true);
            if (isNeeded)
                return false;
            await Task.Delay(TimeSpan.FromMilliseconds(wait), database.Time, cancel);
        }
    }
}
