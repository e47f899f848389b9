namespace Headwater;

/// <summary>Events for one stream, and the version that stream must have.</summary>
/// <param name="Stream">The stream.</param>
/// <param name="Expected">The optimistic check.</param>
/// <param name="Events">In the order they happened.</param>
public sealed record StreamAppend(StreamId Stream, ExpectedVersion Expected, IReadOnlyList<EventData> Events);

/// <summary>What a store appends in one transaction, all or nothing.</summary>
/// <param name="Streams">One or several streams, each at most once; none only to keep a receipt.</param>
public sealed record AppendRequest(IReadOnlyList<StreamAppend> Streams)
{
    /// <summary>Kept in the same transaction, if the append answers a command that carries an idempotency key.</summary>
    public ReceiptRequest? Receipt { get; init; }

    /// <summary>What else happens in the same transaction once the events are in: inline projections. Not asked if there are none.</summary>
    public IReadOnlyList<IAppendParticipant> Participants { get; init; } = [];
}

/// <summary>How an append ended, short of an exception.</summary>
public abstract record AppendResult
{
    private AppendResult()
    {
    }

    /// <summary>The events are in the log and on disk.</summary>
    /// <param name="Position">The place of the last of them; the log's head if the request has none.</param>
    /// <param name="Streams">The version each stream reached by it, in the order of the request.</param>
    /// <param name="AlreadyKnown">Whether an earlier append had put the very same events there.</param>
    public sealed record Appended(Position Position, IReadOnlyList<StreamVersion> Streams, bool AlreadyKnown = false) : AppendResult;

    /// <summary>A stream has another version than expected; nothing was appended.</summary>
    public sealed record Conflict(StreamId Stream, ExpectedVersion Expected, long Actual) : AppendResult;

    /// <summary>
    /// An event id stands in the log with other content, or only a part of the batch is known; nothing was appended. Content is
    /// the stream, type, schema version, data and tags; the metadata may differ, because a retry has a trace of its own.
    /// </summary>
    public sealed record IdReused(Guid EventId, StreamId Stream, Position Position) : AppendResult;

    /// <summary>The receipt's key was used before; nothing was appended.</summary>
    public sealed record AlreadyAnswered(Receipt Receipt) : AppendResult;
}

/// <summary>A stream and the version of its last event.</summary>
public readonly record struct StreamVersion(StreamId Stream, long Version);

/// <summary>What to remember of a command's answer, so that a retry gets the same one.</summary>
/// <param name="Key">The idempotency key, made unique by its caller for whom it was given.</param>
/// <param name="Fingerprint">A digest of the request; the same key with another one is a client's mistake.</param>
/// <param name="Stream">The stream the command was for.</param>
/// <param name="Version">The version the stream had when the command left it unchanged; ignored if events are appended with it.</param>
/// <param name="Refusal">The refusal as JSON, if the command was refused; null if it was accepted.</param>
public sealed record ReceiptRequest(string Key, string Fingerprint, StreamId Stream, long Version, string? Refusal);

/// <summary>What was remembered of a command's answer.</summary>
/// <param name="Key">The idempotency key.</param>
/// <param name="Fingerprint">A digest of the request.</param>
/// <param name="Stream">The stream the command was for.</param>
/// <param name="Version">The version the stream had after the command.</param>
/// <param name="Position">The place of the last event the command appended, or the log's head if it appended none.</param>
/// <param name="Refusal">The refusal as JSON, or null.</param>
public sealed record Receipt(string Key, string Fingerprint, StreamId Stream, long Version, Position Position, string? Refusal);
