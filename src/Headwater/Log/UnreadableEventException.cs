namespace Headwater;

/// <summary>A recorded event cannot be turned into the .NET type it should have.</summary>
public sealed class UnreadableEventException : Exception
{
    /// <summary>Names the event by its stream, position and type.</summary>
    public UnreadableEventException(RecordedEvent happened, string reason, Exception? cause = null)
        : base(Describe(happened, reason), cause) =>
        (Stream, Position, Type) = (happened.Stream, happened.Position, happened.Type);

    /// <summary>The stream the event belongs to.</summary>
    public StreamId Stream { get; }

    /// <summary>The event's place in the log.</summary>
    public Position Position { get; }

    /// <summary>The name its type is stored under.</summary>
    public string Type { get; }

    private static string Describe(RecordedEvent happened, string reason)
    {
        ArgumentNullException.ThrowIfNull(happened);
        return $"Event {happened.Version} of stream '{happened.Stream}' at position {happened.Position}, " +
            $"type '{happened.Type}' schema version {happened.SchemaVersion}, is unreadable: {reason}";
    }
}
