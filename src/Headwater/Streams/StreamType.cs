namespace Headwater;

/// <summary>A kind of stream: its category, and how the tags of its events are found.</summary>
/// <typeparam name="TState">The state its events fold into.</typeparam>
/// <typeparam name="TEvent">The base type of its events.</typeparam>
public sealed class StreamType<TState, TEvent>
    where TState : IState<TState, TEvent>
    where TEvent : notnull
{
    private readonly Dictionary<Type, int> schemaVersions = [];
    private Func<TState, TEvent, IReadOnlyList<Tag>>? tags;

    internal StreamType(string category)
    {
        if (!StreamId.IsCategory(category))
            throw new ArgumentException(
                $"'{category}' is no stream category: expected lower-case letters, digits and underscores, a letter first.", nameof(category));
        Category = category;
    }

    /// <summary>The category of its streams.</summary>
    public string Category { get; }

    /// <summary>Says that an event type's data now has this schema version; 1 by default.</summary>
    public StreamType<TState, TEvent> SchemaVersion<T>(int version)
        where T : TEvent
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(version, 1);
        schemaVersions[typeof(T)] = version;
        return this;
    }

    /// <summary>Says which tags an event carries, given the state after it.</summary>
    public StreamType<TState, TEvent> Tags(Func<TState, TEvent, IReadOnlyList<Tag>> tagsOf)
    {
        tags = tagsOf;
        return this;
    }

    internal IReadOnlyList<Tag> TagsOf(TState state, TEvent happened) => tags?.Invoke(state, happened) ?? [];

    internal int SchemaVersionOf(Type type) => schemaVersions.GetValueOrDefault(type, 1);
}
