using System.Data.Common;

namespace Headwater;

/// <summary>
/// The port behind <see cref="Log"/>. An adapter only stores and reads: it does not wait, retry, validate or measure.
/// </summary>
/// <remarks>
/// What every adapter must keep, and what the specifications check: positions grow in the order in which events become
/// readable, so whoever has read up to a position will never find a new event at or below it; an append is all or nothing and
/// on disk when it returns; versions in a stream start at 1 and have no holes.
/// </remarks>
public interface ILogStore
{
    /// <summary>
    /// Whether an append that has returned is readable at once, with everything below its position. Where it is false, positions
    /// are handed out in another order than that of the commits, and events become readable once nothing can come below them.
    /// </summary>
    bool CommitsInOrder { get; }

    /// <summary>The log's epoch, and the position of the last readable event.</summary>
    ValueTask<LogHead> Head(CancellationToken cancel);

    /// <summary>
    /// Appends all or nothing. Checks in this order: is the receipt's key known; are the event ids known; do the versions fit.
    /// </summary>
    ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel);

    /// <summary>Reads a page of the log, oldest first. A filtered page advances over what it leaves out.</summary>
    ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel);

    /// <summary>Reads events of one stream above a version, oldest first.</summary>
    ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(StreamId stream, long afterVersion, int limit, CancellationToken cancel);

    /// <summary>The receipt kept under a key, or null.</summary>
    ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel);
}

/// <summary>The end of the log.</summary>
/// <param name="Epoch">Identifies the log; 8 hexadecimal digits, made when it was created.</param>
/// <param name="Position">The place of the last readable event, or the start.</param>
public readonly record struct LogHead(string Epoch, Position Position)
{
    /// <summary>
    /// The last position that was handed out to anybody, readable or not; by default <see cref="Position"/>. Only a cursor above
    /// it cannot come from this log.
    /// </summary>
    public Position Issued { get; init; } = Position;
}

/// <summary>Which page to read.</summary>
/// <param name="Filter">Which events are wanted. A store is never asked for <see cref="LogFilter.AnyOf"/>.</param>
/// <param name="After">Events above it are read.</param>
/// <param name="UpTo">Events above it are not.</param>
/// <param name="Limit">How many events at most.</param>
public readonly record struct LogQuery(LogFilter Filter, Position After, Position UpTo, int Limit);

/// <summary>A page of the log.</summary>
/// <param name="Events">Oldest first.</param>
/// <param name="Next">Where to read on: the reader has now seen every wanted event at or below it.</param>
public sealed record LogPage(IReadOnlyList<RecordedEvent> Events, Position Next);

/// <summary>Takes part in an append, in its transaction, after its events are in.</summary>
public interface IAppendParticipant
{
    /// <summary>Whose work it is, for errors.</summary>
    string Name { get; }

    /// <summary>Does its part; an exception undoes the whole append.</summary>
    ValueTask Join(IAppendTransaction transaction, CancellationToken cancel);

    /// <summary>The append is committed.</summary>
    void Committed();
}

/// <summary>The transaction of an append, seen by those who take part in it.</summary>
public interface IAppendTransaction
{
    /// <summary>The database's transaction, or null where there is no database.</summary>
    DbTransaction? Database { get; }

    /// <summary>Reads the log as the transaction sees it, with the events just appended.</summary>
    ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel);
}
