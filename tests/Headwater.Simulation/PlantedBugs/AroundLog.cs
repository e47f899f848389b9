namespace Headwater.Simulation;

/// <summary>A log store that passes everything on; a mistake changes one thing of it.</summary>
internal abstract class AroundLog(ILogStore inner) : ILogStore
{
    public bool CommitsInOrder => inner.CommitsInOrder;

    public ValueTask<LogHead> Head(CancellationToken cancel) => inner.Head(cancel);

    public virtual ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel) => inner.Append(request, cancel);

    public virtual ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel) => inner.Read(query, cancel);

    public ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(StreamId stream, long afterVersion, int limit, CancellationToken cancel) =>
        inner.ReadStream(stream, afterVersion, limit, cancel);

    public virtual ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel) => inner.FindReceipt(key, cancel);
}
