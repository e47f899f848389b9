namespace Headwater;

/// <summary>An event to append, already serialised.</summary>
/// <param name="Id">Makes the append idempotent: the same id with the same content is appended once.</param>
/// <param name="Type">The stable name the event's type is registered under.</param>
/// <param name="Data">The event as UTF-8 JSON.</param>
public sealed record EventData(Guid Id, string Type, ReadOnlyMemory<byte> Data)
{
    /// <summary>The version of the data's shape; 1 by default.</summary>
    public int SchemaVersion { get; init; } = 1;

    /// <summary>Where the event comes from.</summary>
    public EventMetadata Metadata { get; init; } = EventMetadata.None;

    /// <summary>Key-value pairs by which reads and feeds can filter; none by default.</summary>
    public IReadOnlyList<Tag> Tags { get; init; } = [];
}

/// <summary>Where an event comes from.</summary>
public sealed record EventMetadata
{
    /// <summary>Nothing is known.</summary>
    public static EventMetadata None { get; } = new();

    /// <summary>The id of the event, command or request that caused this one.</summary>
    public string? Causation { get; init; }

    /// <summary>The id shared by all that follows from one first cause.</summary>
    public string? Correlation { get; init; }

    /// <summary>The W3C trace context of the append, as in the header <c>traceparent</c>.</summary>
    public string? TraceParent { get; init; }

    /// <summary>The user or service on whose behalf it happened.</summary>
    public string? Actor { get; init; }
}

/// <summary>A key-value pair on an event by which reads and feeds can filter.</summary>
/// <param name="Key">1 to 64 characters.</param>
/// <param name="Value">1 to 256 characters.</param>
public readonly record struct Tag(string Key, string Value)
{
    /// <summary><c>key:value</c>.</summary>
    public override string ToString() => $"{Key}:{Value}";
}
