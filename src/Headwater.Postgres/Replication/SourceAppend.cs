using Npgsql;
using NpgsqlTypes;

namespace Headwater;

/// <summary>Appends what a source brought and moves its checkpoint, in one transaction of the log.</summary>
/// <param name="source">The source's name.</param>
/// <param name="database">The log's database.</param>
/// <param name="log">The log, to which is said what was appended.</param>
/// <param name="passOver">What to do about a change that cannot be appended: says that it is passed over, or throws.</param>
internal sealed class SourceAppend(string source, PostgresDatabase database, Log log, Func<Change, string, string, Change> passOver)
{
    /// <summary>Commits changes in their order. Those whose events are known already are left out.</summary>
    /// <exception cref="SlotInUseException">The checkpoint stands elsewhere: another node moved it.</exception>
    public async Task Commit(SourceCheckpoint from, SourceCheckpoint to, IReadOnlyList<Change> changes, CancellationToken cancel)
    {
        var refusal = await Try(from, to, changes, cancel);
        if (refusal is null)
            return;

        // Which of them is to blame is found out by taking each alone, which is rare.
        if (changes.Count > 1)
        {
            for (var i = 0; i < changes.Count; i++)
            {
                var upTo = i == changes.Count - 1 ? to : new SourceCheckpoint(changes[i].Commit, changes[i].Number + 1);
                await Commit(from, upTo, [changes[i]], cancel);
                from = upTo;
            }

            return;
        }

        var change = changes[0];
        if (await Earlier(change.Event!.Id, cancel) is { } earlier)
        {
            if (earlier.Is(change.Stream, change.Event))
            {
                await Commit(from, to, [], cancel);
                return;
            }

            refusal = $"its event id {change.Event.Id} stands at position {earlier.Position} of stream '{earlier.Stream}' with other content";
        }

        var content = System.Text.Encoding.UTF8.GetString(change.Event!.Data.Span);
        await Commit(from, to, [passOver(change, refusal, content)], cancel);
    }

    /// <summary>Returns why nothing was committed, or null.</summary>
    private async Task<string?> Try(SourceCheckpoint from, SourceCheckpoint to, IReadOnlyList<Change> changes, CancellationToken cancel)
    {
        using var activity = Telemetry.Source.StartActivity("append", System.Diagnostics.ActivityKind.Producer);
        var started = database.Time.GetTimestamp();
        var events = changes.Where(change => change.Event is not null).Select(change => (change.Stream, change.Event!)).ToList();
        var participants = events.Count > 0 ? log.Participants : [];
        var turn = new InlineTurn(database);
        bool isCommitted;
        try
        {
            do
            {
                await using var connection = await database.Source.OpenConnectionAsync(cancel);
                await using var transaction = await connection.BeginTransactionAsync(cancel);
                if (participants.Count > 0)
                    await turn.Take(connection, cancel);
                var moved = await connection.Run(database.Sql.SourceMove, cancel, parameters => parameters.With(source)
                    .With(from.Lsn, NpgsqlDbType.PgLsn).With(from.Done).With(to.Lsn, NpgsqlDbType.PgLsn).With(to.Done));
                if (moved == 0)
                    throw new SlotInUseException($"The checkpoint of the source '{source}' was moved by another node; this one looks again.");

                foreach (var skipped in changes.Where(change => change.Event is null))
                    await connection.Run(database.Sql.SourceSkip, cancel, parameters => parameters.With(source).With(skipped.Commit, NpgsqlDbType.PgLsn)
                        .With(skipped.Number).With(skipped.Error!).With(skipped.Content!).With(database.Time.GetUtcNow()));

                var last = Position.Start;
                if (events.Count > 0)
                {
                    await using var command = new NpgsqlCommand(database.Sql.AppendMany, connection);
                    AppendBatch.BindOrdered(command.Parameters, events, database.Time.GetUtcNow());
                    var answer = (await command.ReadAll(AppendBatch.Read, cancel))[0];
                    if (answer.Codes[0] != AppendBatch.Done)
                        return "its event id is known";
                    last = new Position(answer.Positions[^1]);
                }

                isCommitted = await turn.Commit(participants, transaction, last, cancel);
            }
            while (!isCommitted);
        }
        catch (PostgresException e) when (events.Count > 0 && e.SqlState[..2] is "22" or "23")
        {
            return $"the log's database refuses it: {e.MessageText} (SQLSTATE {e.SqlState})";
        }

        if (events.Count > 0)
        {
            database.Bell.Ring();
            log.Committed();
            Telemetry.Appended("appended", events.Count, database.Time.GetElapsedTime(started), activity);
        }

        return null;
    }

    private async Task<RecordedEvent?> Earlier(Guid id, CancellationToken cancel) => (await database.Query(
        database.Sql.EventsById, parameters => parameters.WithArray([id], NpgsqlDbType.Uuid), EventRows.Read, cancel)).FirstOrDefault();
}
