namespace Headwater.Tests;

/// <summary>
/// A log store whose appends become readable later than they return, as where positions are handed out in another order than that
/// of the commits: what is above <see cref="Readable"/> cannot be read yet.
/// </summary>
internal sealed class WatermarkedLog(ILogStore store) : ILogStore
{
    private long readable;

    public bool CommitsInOrder => false;

    /// <summary>What is at or below it can be read. It may go back for a while, as when a slow appender begins.</summary>
    public Position Readable
    {
        get => new(Volatile.Read(ref readable));
        set => Volatile.Write(ref readable, value.Value);
    }

    public async ValueTask<LogHead> Head(CancellationToken cancel)
    {
        var head = await store.Head(cancel);
        return new LogHead(head.Epoch, Position.Min(head.Position, Readable)) { Issued = head.Position };
    }

    public ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel) => store.Append(request, cancel);

    public async ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel) => query.After >= Readable
        ? new LogPage([], query.After)
        : await store.Read(query with { UpTo = Position.Min(query.UpTo, Readable) }, cancel);

    public ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(StreamId stream, long afterVersion, int limit, CancellationToken cancel) =>
        store.ReadStream(stream, afterVersion, limit, cancel);

    public ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel) => store.FindReceipt(key, cancel);
}
