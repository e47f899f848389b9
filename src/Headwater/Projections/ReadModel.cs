namespace Headwater;

/// <summary>Answers queries from a read model, and waits until it has what a caller has already seen.</summary>
/// <param name="projection">The projection behind it.</param>
/// <param name="log">What its positions refer to.</param>
/// <param name="hints">Beats when another node may have run the projection; null if this one always does.</param>
/// <param name="surroundings">Time and scheduling.</param>
internal sealed class ReadModel(Projection projection, Log log, Pulse? hints, Surroundings surroundings)
{
    // A commit by this process wakes a waiter at once, and a hint one by another; this is for when there is none or it is lost.
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    private readonly IReadModelStore store = projection.Database.Rows;

    public string Name => projection.Name;

    public IReadOnlyList<string> IndexedFields => projection.Schema.IndexedFields;

    public ValueTask<RowPage> ReadRow(string key, CancellationToken cancel) => store.ReadRow(Name, key, cancel);

    public ValueTask<RowPage> FindRows(IReadOnlyList<FieldValue> fields, string? afterKey, int limit, CancellationToken cancel) =>
        store.FindRows(Name, fields, afterKey, limit, cancel);

    /// <summary>The cursor of a snapshot: following from it misses no change that is not in the snapshot.</summary>
    public Cursor CursorOf(ReadModelState state) => log.CursorAfter(
        state.Checkpoint.Position, new ViewPosition(Name, state.Checkpoint.Generation, state.Checkpoint.Position));

    /// <summary>Waits until the read model has what concerns a key (or, without one, everything) up to a position.</summary>
    /// <returns>False if the time was up first.</returns>
    public async ValueTask<bool> WaitFor(string? key, Position position, TimeSpan atMost, CancellationToken cancel)
    {
        Task? timeUp = null;
        while (true)
        {
            var changed = projection.Changed.Next;
            var hinted = hints?.Next;
            if (await Has(key, position, cancel))
                return true;

            // Most find at once what they wrote, and need no timer.
            timeUp ??= surroundings.Delay(atMost, cancel);
            if (timeUp.IsCompleted)
                return false;
            await (hinted is null
                ? Task.WhenAny(changed, timeUp, surroundings.Delay(Poll, cancel))
                : Task.WhenAny(changed, hinted, timeUp, surroundings.Delay(Poll, cancel)));
            cancel.ThrowIfCancellationRequested();
        }
    }

    private async ValueTask<bool> Has(string? key, Position position, CancellationToken cancel)
    {
        var checkpoint = (await store.State(Name, cancel)).Checkpoint.Position;
        if (checkpoint >= position)
            return true;
        if (key is null || projection.KeyedByCategory is not { } category || !StreamId.IsKey(key, category))
            return false;
        var pending = await log.Read(new LogFilter.OneStream(new StreamId(category, key)), checkpoint, 1, cancel);
        return pending.Events.Count == 0 ? pending.Next >= position : pending.Events[0].Position > position;
    }
}
