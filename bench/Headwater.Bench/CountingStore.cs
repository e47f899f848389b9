namespace Headwater.Bench;

/// <summary>Counts how often the store is read.</summary>
internal sealed class CountingStore(ILogStore store) : ILogStore
{
    private int reads;

    public int Reads => Volatile.Read(ref reads);

    public bool CommitsInOrder => store.CommitsInOrder;

    public ValueTask<LogHead> Head(CancellationToken cancel) => store.Head(cancel);

    public ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel) => store.Append(request, cancel);

    public ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel)
    {
        Interlocked.Increment(ref reads);
        return store.Read(query, cancel);
    }

    public ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(StreamId stream, long afterVersion, int limit, CancellationToken cancel)
    {
        Interlocked.Increment(ref reads);
        return store.ReadStream(stream, afterVersion, limit, cancel);
    }

    public ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel) => store.FindReceipt(key, cancel);
}
