using Npgsql;
using NpgsqlTypes;

namespace Headwater;

/// <summary>One append: what is sent, and what its answer means.</summary>
internal sealed class Append
{
    private readonly TaskCompletionSource<AppendResult?> done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Append(AppendRequest request, DateTimeOffset now)
    {
        Request = request;
        RecordedAt = now;
        Streams = [.. request.Streams.Select(part => part.Stream.ToString())];
        EventCount = request.Streams.Sum(part => part.Events.Count);
    }

    public AppendRequest Request { get; }

    public DateTimeOffset RecordedAt { get; }

    /// <summary>The streams' names as they are stored, in the order of the request.</summary>
    public string[] Streams { get; }

    public int EventCount { get; }

    /// <summary>Whether it can go into one transaction with others: nobody else joins it, and no receipt hangs on it.</summary>
    public bool CanShare => Request is { Receipt: null, Participants.Count: 0 } && EventCount is > 0 and <= 64;

    /// <summary>Completes with the outcome; with null if it must be done alone after all.</summary>
    public Task<AppendResult?> Done => done.Task;

    public void Complete(AppendResult? result) => done.TrySetResult(result);

    public void Fail(Exception e)
    {
        done.TrySetException(e);
        _ = done.Task.Exception;
    }

    /// <summary>Appends in a transaction of its own.</summary>
    public ValueTask<AppendResult> Alone(PostgresDatabase database, CancellationToken cancel) =>
        database.Use(this, static (database, append, cancel) =>
            append.Request.Participants.Count > 0 && append.EventCount > 0 ? append.WithParticipants(database, cancel)
            : append.IsPlain ? append.One(database, cancel)
            : append.Many(database, cancel), cancel);

    /// <summary>Appends in a transaction that is somebody else's to end.</summary>
    public async ValueTask<AppendResult> Within(PostgresDatabase database, NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(database.Sql.AppendMany, connection);
        AppendBatch.Bind(command.Parameters, [this], isGroup: false);
        var answer = (await command.ReadAll(AppendBatch.Read, cancel))[0];
        return Outcome(answer, 0, 0, 0) ?? await Known(database, connection, answer, cancel);
    }

    /// <summary>What a batch's answer says about this append, whose parts and positions begin at the given places; null if more must be asked.</summary>
    public AppendResult? Outcome(AppendBatch.Answer answer, int index, int firstPart, int firstPosition)
    {
        if (answer.Codes[index] != AppendBatch.Done)
            return null;
        var reached = new StreamVersion[Streams.Length];
        for (var i = 0; i < reached.Length; i++)
        {
            var (stream, _, events) = Request.Streams[i];
            reached[i] = new StreamVersion(stream, answer.Versions[firstPart + i] + events.Count);
        }

        return new AppendResult.Appended(new Position(EventCount == 0 ? 0 : answer.Positions[firstPosition + EventCount - 1]), reached);
    }

    private bool IsPlain => Request is { Receipt: null, Streams: [{ Events: [{ Tags.Count: 0 }] }] };

    /// <summary>One event for one stream, which is what most appends are.</summary>
    private async ValueTask<AppendResult> One(PostgresDatabase database, CancellationToken cancel)
    {
        var (stream, expected, events) = Request.Streams[0];
        await using var connection = await database.Source.OpenConnectionAsync(cancel);
        long[] answer;
        await using (var command = new NpgsqlCommand(database.Sql.AppendOne, connection))
        {
            command.Parameters.With(Streams[0]).With(expected.Value).With(events[0].Type).With(events[0].SchemaVersion)
                .With(events[0].Id, NpgsqlDbType.Uuid).With(RecordedAt).With(events[0].Data, NpgsqlDbType.Json)
                .WithNullable(StoredJson.Encode(events[0].Metadata), NpgsqlDbType.Json);
            answer = (long[])(await command.ExecuteScalarAsync(cancel))!;
        }

        var (code, at, reached) = ((int)answer[0], answer[1], answer[2]);
        return code == AppendBatch.Done
            ? new AppendResult.Appended(new Position(at), [new StreamVersion(stream, reached)])
            : await Known(database, connection, new([code], [reached], []), cancel);
    }

    private async ValueTask<AppendResult> Many(PostgresDatabase database, CancellationToken cancel)
    {
        AppendResult result;
        await using (var connection = await database.Source.OpenConnectionAsync(cancel))
            result = await Within(database, connection, cancel);
        return await AtHead(result, database, cancel);
    }

    /// <summary>An append without events stands where the log does.</summary>
    public async ValueTask<AppendResult> AtHead(AppendResult result, PostgresDatabase database, CancellationToken cancel) =>
        EventCount > 0 || result is not AppendResult.Appended appended
            ? result
            : appended with { Position = new Position((await database.Watermark.Look(cancel)).Readable) };

    /// <summary>
    /// Appends and lets inline projections join. They read the log up to their own events, so those who may still add something
    /// below must have ended, and those who come later must wait: such appends go one after the other.
    /// </summary>
    private async ValueTask<AppendResult> WithParticipants(PostgresDatabase database, CancellationToken cancel)
    {
        var turn = new InlineTurn(database);
        while (true)
        {
            await using var connection = await database.Source.OpenConnectionAsync(cancel);
            await using var transaction = await connection.BeginTransactionAsync(cancel);
            await turn.Take(connection, cancel);
            var result = await Within(database, connection, cancel);
            if (result is not AppendResult.Appended { AlreadyKnown: false, Position: var last }
                || await turn.Commit(Request.Participants, transaction, last, cancel))
                return result;
        }
    }

    /// <summary>Why nothing was appended: the events are known, or an id is, or the receipt, or else a version does not fit.</summary>
    private async ValueTask<AppendResult> Known(PostgresDatabase database, NpgsqlConnection connection, AppendBatch.Answer answer, CancellationToken cancel)
    {
        if (answer.Codes[0] == AppendBatch.ReceiptKnown)
        {
            await using var find = new NpgsqlCommand(database.Sql.FindReceipt, connection);
            find.Parameters.With(Request.Receipt!.Key);
            return new AppendResult.AlreadyAnswered((await find.ReadAll(Receipts.Read, cancel))[0]);
        }

        await using var command = new NpgsqlCommand(database.Sql.EventsById, connection);
        command.Parameters.WithArray([.. Request.Streams.SelectMany(part => part.Events).Select(happened => happened.Id)], NpgsqlDbType.Uuid);
        var found = (await command.ReadAll(EventRows.Read, cancel)).ToDictionary(earlier => earlier.Id);
        if (KnownEvents.Answer(Request, found.GetValueOrDefault, part => answer.Versions[part]) is { } known)
            return known;
        for (var i = 0; i < Streams.Length; i++)
            if (!Request.Streams[i].Expected.Allows(answer.Versions[i]))
                return new AppendResult.Conflict(Request.Streams[i].Stream, Request.Streams[i].Expected, answer.Versions[i]);
        throw new ArgumentException("An event id stands twice in one append; each event has an id of its own.");
    }
}
