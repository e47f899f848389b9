namespace Headwater;

/// <summary>A projection: its name, what it reads, what it does, and when.</summary>
internal sealed class Projection(
    ReadModelSchema schema, LogFilter filter, ErrorPolicy onError, bool isInline, string? keyedByCategory, ProjectionHandler handler,
    ReadModelDatabase database, EventTypes types, HeadwaterOptions options, Surroundings surroundings)
    : ISubscriber, IAppendParticipant
{
    private readonly IReadModelStore store = database.Rows;
    private readonly KnownRows known = new();

    public string Name => schema.Model;

    public ReadModelSchema Schema => schema;

    /// <summary>Where its rows are.</summary>
    public ReadModelDatabase Database => database;

    public LogFilter Filter => filter;

    public ErrorPolicy OnError => onError;

    public bool IsInline => isInline;

    /// <summary>The category of the streams whose keys are the rows' keys, if a row depends on that one stream alone.</summary>
    public string? KeyedByCategory => keyedByCategory;

    /// <summary>Beats when rows or checkpoint may have changed.</summary>
    public Pulse Changed { get; } = new(surroundings.Waking);

    public ValueTask Prepare(CancellationToken cancel) =>
        store.Prepare(schema, handler.Tables is { } tables ? tables.Create : null, cancel);

    public ValueTask<Checkpoint> Claim(long fence, CancellationToken cancel) => store.Claim(Name, fence, cancel);

    public async ValueTask<Checkpoint> LoadCheckpoint(CancellationToken cancel) => (await store.State(Name, cancel)).Checkpoint;

    public async ValueTask Reset(CancellationToken cancel)
    {
        await store.Reset(Name, handler.Tables is { } tables ? tables.Clear : null, cancel);
        Changed.Beat();
    }

    public async ValueTask<bool> Handle(Checkpoint from, LogPage page, CancellationToken cancel)
    {
        try
        {
            return await Commit(from, page.Events, page.Next, cancel);
        }
        catch (EventHandlingException failure)
        {
            // What came before the event that cannot be handled is good: it is saved, so that the projection stands right before it.
            var good = page.Events.TakeWhile(happened => happened.Position < failure.Happened.Position).ToList();
            if (good.Count == 0)
                throw failure.At(from);
            if (!await Handle(from, new LogPage(good, good[^1].Position), cancel))
                return false;
            throw failure.At(@from with { Position = good[^1].Position });
        }
    }

    public async ValueTask<bool> Skip(Checkpoint from, RecordedEvent happened, string error, CancellationToken cancel)
    {
        var skipped = new SkippedEvent(happened.Position, happened.Stream, happened.Type, error, surroundings.Time.GetUtcNow());
        var saved = await store.Commit(new ProjectionCommit(Name, from, happened.Position, []) { Skipped = skipped }, cancel);
        Changed.Beat();
        return saved;
    }

    /// <summary>
    /// Does the inline work: everything between its checkpoint and the end of the append. Usually that is the append alone; it is
    /// more after another process appended without this projection.
    /// </summary>
    public async ValueTask Join(IAppendTransaction transaction, CancellationToken cancel)
    {
        if (transaction is not IReadModelTransaction rows)
            throw new NotSupportedException(
                $"The inline projection '{Name}' needs its read model in the log's own store; make it async or move it.");

        while (true)
        {
            var from = (await rows.State(Name, cancel)).Checkpoint;
            var page = await UnionRead.Read(new(filter, from.Position, Position.Max, options.PageSize), rows.Read, cancel);
            if (page.Next <= from.Position)
                return;
            foreach (var happened in page.Events)
                happened.Types = types;
            var commit = await handler.Work(
                new ProjectionCommit(Name, from, page.Next, []), page.Events, (key, stop) => rows.ReadRow(Name, key, stop), cancel);
            if (!await rows.Commit(commit, cancel))
                throw new InvalidOperationException(
                    $"The inline projection '{Name}' was moved from position {from.Position}, generation {from.Generation}, by another process " +
                    "during this append, so its rows cannot be written with it. Nothing is appended; append again.");
        }
    }

    public void Committed() => Changed.Beat();

    private async ValueTask<bool> Commit(Checkpoint from, IReadOnlyList<RecordedEvent> events, Position to, CancellationToken cancel)
    {
        known.StandAt(from);
        var commit = await handler.Work(new ProjectionCommit(Name, from, to, []), events, ReadRow, cancel);
        var saved = await store.Commit(commit, cancel);
        if (saved)
            known.Moved(commit);

        // If it was not saved, another process has saved it, and the rows have changed all the same.
        Changed.Beat();
        return saved;
    }

    private async ValueTask<ReadOnlyMemory<byte>?> ReadRow(string key, CancellationToken cancel)
    {
        if (known.TryGet(key, out var data))
            return data;
        var page = await store.ReadRow(Name, key, cancel);
        data = page.Rows.Count == 0 ? null : page.Rows[0].Data;
        known.Add(key, data);
        return data;
    }
}
