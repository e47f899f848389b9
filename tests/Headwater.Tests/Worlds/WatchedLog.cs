namespace Headwater.Tests;

/// <summary>A log store that is watched, and disturbed where a test wants it to be.</summary>
internal sealed class WatchedLog(ILogStore store) : ILogStore
{
    private int reads;
    private int heads;

    public int Reads => Volatile.Read(ref reads);

    public int Heads => Volatile.Read(ref heads);

    /// <summary>Called before every read; it may throw.</summary>
    public Action<LogQuery> BeforeRead { get; set; } = _ => { };

    /// <summary>Called before every append; it may throw, or append first.</summary>
    public Func<AppendRequest, ValueTask> BeforeAppend { get; set; } = _ => ValueTask.CompletedTask;

    /// <summary>Called after every append; it may throw, so that the answer is lost.</summary>
    public Action<AppendResult> AfterAppend { get; set; } = _ => { };

    /// <summary>What becomes of a page that was read.</summary>
    public Func<LogQuery, LogPage, ValueTask<LogPage>> AfterRead { get; set; } = (_, page) => ValueTask.FromResult(page);

    public bool CommitsInOrder => store.CommitsInOrder;

    public ValueTask<LogHead> Head(CancellationToken cancel)
    {
        Interlocked.Increment(ref heads);
        return store.Head(cancel);
    }

    public async ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel)
    {
        await BeforeAppend(request);
        var result = await store.Append(request, cancel);
        AfterAppend(result);
        return result;
    }

    public async ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel)
    {
        Interlocked.Increment(ref reads);
        BeforeRead(query);
        return await AfterRead(query, await store.Read(query, cancel));
    }

    public ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(StreamId stream, long afterVersion, int limit, CancellationToken cancel) =>
        store.ReadStream(stream, afterVersion, limit, cancel);

    public ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel) => store.FindReceipt(key, cancel);
}
