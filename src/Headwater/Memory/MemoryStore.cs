namespace Headwater;

/// <summary>
/// Every port in memory. One writer at a time works on a <see cref="MemoryState"/> of its own, which becomes the store's when
/// all of it went well; readers take the state as it stands.
/// </summary>
internal sealed partial class MemoryStore(TimeProvider time, Func<Guid> newId) : ILogStore, IDisposable
{
    private readonly string epoch = newId().ToString("N")[^8..];
    private readonly SemaphoreSlim writer = new(1);
    private volatile MemoryState state = new();

    public bool CommitsInOrder => true;

    public ValueTask<LogHead> Head(CancellationToken cancel) => ValueTask.FromResult(new LogHead(epoch, state.Head));

    public ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel) => ValueTask.FromResult(state.Read(query));

    public ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(StreamId stream, long afterVersion, int limit, CancellationToken cancel) =>
        ValueTask.FromResult<IReadOnlyList<RecordedEvent>>(
            [.. state.Stream(stream).Skip((int)Math.Min(afterVersion, int.MaxValue)).Take(limit).Select(happened => happened.Recorded())]);

    public ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel) =>
        ValueTask.FromResult(state.Receipts.GetValueOrDefault(key));

    public ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel) => Write(
        async before => Refusal(before, request) is { } refusal ? (before, refusal) : await Appended(before, request, cancel), cancel);

    public void Dispose() => writer.Dispose();

    /// <summary>Why nothing is to be appended, or null.</summary>
    private static AppendResult? Refusal(MemoryState state, AppendRequest request)
    {
        if (request.Receipt is { } asked && state.Receipts.TryGetValue(asked.Key, out var receipt))
            return new AppendResult.AlreadyAnswered(receipt);
        if (KnownEvents.Answer(request, id => state.EventsById.GetValueOrDefault(id)?.Recorded(), part => state.Stream(request.Streams[part].Stream).Count) is { } known)
            return known;
        foreach (var (stream, expected, _) in request.Streams)
            if (!expected.Allows(state.Stream(stream).Count))
                return new AppendResult.Conflict(stream, expected, state.Stream(stream).Count);
        return null;
    }

    private async ValueTask<(MemoryState, AppendResult)> Appended(MemoryState state, AppendRequest request, CancellationToken cancel)
    {
        var now = Now();
        foreach (var (stream, _, events) in request.Streams)
            foreach (var happened in events)
                state = state.Append(stream, happened, now);

        if (request.Streams.Any(part => part.Events.Count > 0))
            state = await Joined(state, request.Participants, cancel);

        state = Keep(request.Receipt, request, state);
        return (state, new AppendResult.Appended(
            state.Head, [.. request.Streams.Select(part => new StreamVersion(part.Stream, state.Stream(part.Stream).Count))]));
    }

    private static async ValueTask<MemoryState> Joined(
        MemoryState state, IReadOnlyList<IAppendParticipant> participants, CancellationToken cancel)
    {
        var transaction = new MemoryTransaction(state);
        foreach (var participant in participants)
            await participant.Join(transaction, cancel);
        return transaction.State;
    }

    private static MemoryState Keep(ReceiptRequest? asked, AppendRequest request, MemoryState state)
    {
        if (asked is null)
            return state;
        var isChanged = request.Streams.Any(part => part.Stream == asked.Stream && part.Events.Count > 0);
        var version = isChanged ? state.Stream(asked.Stream).Count : asked.Version;
        var receipt = new Receipt(asked.Key, asked.Fingerprint, asked.Stream, version, state.Head, asked.Refusal);
        return state with { Receipts = state.Receipts.Add(asked.Key, receipt) };
    }

    /// <summary>Changes the state, one writer after the other. An exception leaves it as it was.</summary>
    private async ValueTask<T> Write<T>(Func<MemoryState, ValueTask<(MemoryState After, T Result)>> change, CancellationToken cancel)
    {
        await writer.WaitAsync(cancel);
        try
        {
            var (after, result) = await change(state);
            state = after;
            return result;
        }
        finally
        {
            writer.Release();
        }
    }

    private ValueTask<T> Write<T>(Func<MemoryState, (MemoryState After, T Result)> change, CancellationToken cancel) =>
        Write(before => ValueTask.FromResult(change(before)), cancel);

    /// <summary>As exact as every adapter can keep it.</summary>
    private DateTimeOffset Now()
    {
        var ticks = time.GetUtcNow().UtcTicks;
        return new DateTimeOffset(ticks - ticks % TimeSpan.TicksPerMicrosecond, TimeSpan.Zero);
    }
}
