using System.Collections.Immutable;

namespace Headwater;

/// <summary>
/// Everything a <see cref="MemoryStore"/> keeps, as a value that never changes: a transaction works on its own and the store
/// takes that over at once, or drops it. So readers need no lock, and there is nothing to undo.
/// </summary>
internal sealed record MemoryState
{
    /// <summary>The log. The event at position <c>n</c> stands at index <c>n - 1</c>.</summary>
    public ImmutableList<MemoryEvent> Events { get; init; } = [];

    public ImmutableDictionary<StreamId, ImmutableList<MemoryEvent>> Streams { get; init; } =
        ImmutableDictionary<StreamId, ImmutableList<MemoryEvent>>.Empty;

    public ImmutableDictionary<Guid, MemoryEvent> EventsById { get; init; } = ImmutableDictionary<Guid, MemoryEvent>.Empty;

    public ImmutableDictionary<string, Receipt> Receipts { get; init; } = ImmutableDictionary<string, Receipt>.Empty;

    public ImmutableDictionary<string, MemoryReadModel> ReadModels { get; init; } = ImmutableDictionary<string, MemoryReadModel>.Empty;

    public ImmutableDictionary<string, Checkpoint> Checkpoints { get; init; } = ImmutableDictionary<string, Checkpoint>.Empty;

    /// <summary>By subscription or projection, newest first.</summary>
    public ImmutableDictionary<string, ImmutableList<SkippedEvent>> Skipped { get; init; } =
        ImmutableDictionary<string, ImmutableList<SkippedEvent>>.Empty;

    /// <summary>The epoch of the log the read models are made from, once it is told.</summary>
    public string? Log { get; init; }

    public Position Head => new(Events.Count);

    public ImmutableList<MemoryEvent> Stream(StreamId stream) => Streams.GetValueOrDefault(stream, []);

    public MemoryReadModel ReadModel(string name) => ReadModels.GetValueOrDefault(name, MemoryReadModel.Empty);

    public LogPage Read(LogQuery query)
    {
        var end = Position.Min(query.UpTo, Head);
        var events = new List<RecordedEvent>();
        for (var at = query.After.Value; at < end.Value; at++)
        {
            var happened = Events[(int)at].Recorded();
            if (!query.Filter.Matches(happened))
                continue;
            events.Add(happened);
            if (events.Count == query.Limit)
                return new LogPage(events, happened.Position);
        }

        return new LogPage(events, Position.Latest(query.After, end));
    }

    public MemoryState Append(StreamId stream, EventData data, DateTimeOffset now)
    {
        var before = Stream(stream);
        var happened = new MemoryEvent(
            new Position(Events.Count + 1), stream, before.Count + 1, now, data with { Data = data.Data.ToArray(), Tags = [.. data.Tags] });
        return this with
        {
            Events = Events.Add(happened),
            Streams = Streams.SetItem(stream, before.Add(happened)),
            EventsById = EventsById.Add(data.Id, happened),
        };
    }

    public MemoryState Skip(string subscription, SkippedEvent? skipped) => skipped is null
        ? this
        : this with { Skipped = Skipped.SetItem(subscription, Skipped.GetValueOrDefault(subscription, []).Insert(0, skipped)) };
}

/// <summary>An event as the memory store keeps it.</summary>
internal sealed record MemoryEvent(Position Position, StreamId Stream, long Version, DateTimeOffset RecordedAt, EventData Appended)
{
    /// <summary>Each reader gets its own, as from a database.</summary>
    public RecordedEvent Recorded() => new()
    {
        Position = Position,
        Stream = Stream,
        Version = Version,
        Id = Appended.Id,
        Type = Appended.Type,
        SchemaVersion = Appended.SchemaVersion,
        RecordedAt = RecordedAt,
        Data = Appended.Data,
        Metadata = Appended.Metadata,
        Tags = Appended.Tags,
    };
}
