namespace Headwater;

/// <summary>What an append may not exceed. Everything is bounded, so that one caller cannot harm the others.</summary>
internal static class AppendLimits
{
    private const int MaxEvents = 1000;
    private const int MaxTags = 16;
    private const int MaxTagKey = 64;
    private const int MaxTagValue = 256;
    private const int MaxTypeName = 128;

    public static void Check(AppendRequest request, HeadwaterOptions options)
    {
        var count = 0;
        var seen = request.Streams.Count > 1 ? new HashSet<StreamId>() : null;
        var ids = new HashSet<Guid>();
        foreach (var (stream, _, events) in request.Streams)
        {
            if (seen is not null && !seen.Add(stream))
                throw new ArgumentException($"Stream '{stream}' stands twice in one append; put its events together.");
            count += events.Count;
            foreach (var happened in events)
            {
                Check(stream, happened, options);
                if (!ids.Add(happened.Id))
                    throw Broken(stream, happened, "its id stands twice in this append");
            }
        }

        if (count > MaxEvents)
            throw new ArgumentException($"An append has at most {MaxEvents} events, and this one has {count}; append them in parts.");
    }

    private static void Check(StreamId stream, EventData happened, HeadwaterOptions options)
    {
        if (happened.Type is not { Length: > 0 and <= MaxTypeName })
            throw Broken(stream, happened, $"its type name has {happened.Type?.Length ?? 0} characters, and 1 to {MaxTypeName} are allowed");
        if (happened.Data.Length > options.MaxEventBytes)
            throw Broken(stream, happened,
                $"its data has {happened.Data.Length:N0} bytes, and {options.MaxEventBytes:N0} are allowed (HeadwaterOptions.MaxEventBytes)");
        if (happened.Tags.Count > MaxTags)
            throw Broken(stream, happened, $"it has {happened.Tags.Count} tags, and {MaxTags} are allowed");
        foreach (var (key, value) in happened.Tags)
            if (key is not { Length: > 0 and <= MaxTagKey } || value is not { Length: > 0 and <= MaxTagValue })
                throw Broken(stream, happened, $"the tag '{key}' has a key over {MaxTagKey} or a value over {MaxTagValue} characters, or an empty one");
    }

    private static ArgumentException Broken(StreamId stream, EventData happened, string why) =>
        new($"The event {happened.Id} of type '{happened.Type}' for stream '{stream}' cannot be appended: {why}.");
}
