namespace Headwater;

/// <summary>Which events a reader wants.</summary>
public abstract record LogFilter
{
    private LogFilter()
    {
    }

    /// <summary>Every event.</summary>
    public static LogFilter Everything { get; } = new All();

    /// <summary>Whether the event is wanted.</summary>
    public abstract bool Matches(RecordedEvent happened);

    /// <summary>Every event.</summary>
    public sealed record All : LogFilter
    {
        /// <inheritdoc/>
        public override bool Matches(RecordedEvent happened) => true;
    }

    /// <summary>The events of all streams of a category.</summary>
    public sealed record Category(string Name) : LogFilter
    {
        /// <inheritdoc/>
        public override bool Matches(RecordedEvent happened) => happened.Stream.Category == Name;
    }

    /// <summary>The events of one stream.</summary>
    public sealed record OneStream(StreamId Stream) : LogFilter
    {
        /// <inheritdoc/>
        public override bool Matches(RecordedEvent happened) => happened.Stream == Stream;
    }

    /// <summary>The events that carry a tag.</summary>
    public sealed record Tagged(Tag Tag) : LogFilter
    {
        /// <inheritdoc/>
        public override bool Matches(RecordedEvent happened) => happened.Tags.Contains(Tag);
    }

    /// <summary>The events that at least one of several filters wants.</summary>
    public sealed record AnyOf(IReadOnlyList<LogFilter> Filters) : LogFilter
    {
        /// <summary>The filters; at least one.</summary>
        public IReadOnlyList<LogFilter> Filters { get; init; } = Filters is { Count: > 0 }
            ? Filters
            : throw new ArgumentException("A union has at least one filter.", nameof(Filters));

        /// <inheritdoc/>
        public override bool Matches(RecordedEvent happened) => Filters.Any(filter => filter.Matches(happened));
    }
}
