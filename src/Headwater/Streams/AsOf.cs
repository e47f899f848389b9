namespace Headwater;

/// <summary>Which moment of a stream's history to look at.</summary>
public readonly record struct AsOf
{
    private AsOf(long version, Position position, DateTimeOffset instant) =>
        (lastVersion, lastPosition, lastInstant) = (version, position, instant);

    private readonly long lastVersion;
    private readonly Position lastPosition;
    private readonly DateTimeOffset lastInstant;

    /// <summary>The latest state.</summary>
    public static AsOf Now { get; } = new(long.MaxValue, Headwater.Position.Max, DateTimeOffset.MaxValue);

    /// <summary>After the event of that version.</summary>
    public static AsOf Version(long version) => new(version, Headwater.Position.Max, DateTimeOffset.MaxValue);

    /// <summary>After the last event at or below that place of the log.</summary>
    public static AsOf Position(Position position) => new(long.MaxValue, position, DateTimeOffset.MaxValue);

    /// <summary>After the last event recorded at or before that instant.</summary>
    public static AsOf Instant(DateTimeOffset instant) => new(long.MaxValue, Headwater.Position.Max, instant);

    internal bool Includes(RecordedEvent happened) =>
        happened.Version <= lastVersion && happened.Position <= lastPosition && happened.RecordedAt <= lastInstant;
}
