namespace Headwater;

/// <summary>An event as the log holds it. One instance serves every reader in the process.</summary>
public sealed class RecordedEvent : IPositioned
{
    private Derived? derived;

    /// <summary>The place in the log.</summary>
    public required Position Position { get; init; }

    /// <summary>The stream the event belongs to.</summary>
    public required StreamId Stream { get; init; }

    /// <summary>The event's number in its stream, from 1, without holes.</summary>
    public required long Version { get; init; }

    /// <summary>The event's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The stable name of the event's type.</summary>
    public required string Type { get; init; }

    /// <summary>The version of the data's shape.</summary>
    public required int SchemaVersion { get; init; }

    /// <summary>When the event was recorded, to the microsecond, in UTC.</summary>
    public required DateTimeOffset RecordedAt { get; init; }

    /// <summary>The event as UTF-8 JSON.</summary>
    public required ReadOnlyMemory<byte> Data { get; init; }

    /// <summary>Where the event comes from.</summary>
    public required EventMetadata Metadata { get; init; }

    /// <summary>The tags it was appended with.</summary>
    public IReadOnlyList<Tag> Tags { get; init; } = [];

    /// <summary>The event itself, decoded at the first call and then kept.</summary>
    /// <exception cref="UnreadableEventException">Its type is not registered, has another schema version, or its data does not fit.</exception>
    public object Event => Types is { } types
        ? Derive(types, static (happened, registered) => registered.Decode(happened))
        : throw new InvalidOperationException("This event was read from the store directly; read it through Log to have it decoded.");

    // The data, the event decoded from it (text takes twice the bytes there), a feed's frame, and what goes with each.
    int IPositioned.Size => 5 * Data.Length + 800;

    internal EventTypes? Types { get; set; }

    /// <summary>Whether it is what an append brings. The metadata may differ, because a retry has a trace of its own.</summary>
    internal bool Is(StreamId stream, EventData appended) =>
        Stream == stream && Type == appended.Type && SchemaVersion == appended.SchemaVersion
        && Data.Span.SequenceEqual(appended.Data.Span) && Tags.ToHashSet().SetEquals(appended.Tags);

    /// <summary>
    /// What an owner makes of this event, made once and kept with it: the decoded value, a feed's frame. All readers share it.
    /// </summary>
    internal TValue Derive<TOwner, TValue>(TOwner owner, Func<RecordedEvent, TOwner, TValue> make)
        where TOwner : class
        where TValue : class?
    {
        for (var link = Volatile.Read(ref derived); link is not null; link = link.Next)
            if (ReferenceEquals(link.Owner, owner))
                return (TValue)link.Value!;

        lock (this)
        {
            for (var link = derived; link is not null; link = link.Next)
                if (ReferenceEquals(link.Owner, owner))
                    return (TValue)link.Value!;

            var value = make(this, owner);
            Volatile.Write(ref derived, new Derived(owner, value, derived));
            return value;
        }
    }

    private sealed record Derived(object Owner, object? Value, Derived? Next);
}
