namespace Headwater;

/// <summary>What a store answers about event ids that stand in its log already: the rule is the same for every store.</summary>
internal static class KnownEvents
{
    /// <summary>Null if none of the request's ids is known.</summary>
    /// <param name="request">The append.</param>
    /// <param name="find">Finds an event of the log by its id.</param>
    /// <param name="versionOf">The present version of a part of the request, by its place there; asked for parts without events.</param>
    public static AppendResult? Answer(AppendRequest request, Func<Guid, RecordedEvent?> find, Func<int, long> versionOf)
    {
        var found = request.Streams.SelectMany(part => part.Events).Select(happened => find(happened.Id)).ToList();
        if (found.TrueForAll(earlier => earlier is null))
            return null;

        var isAll = found.TrueForAll(earlier => earlier is not null);
        var reached = new StreamVersion[request.Streams.Count];
        var (next, last) = (0, Position.Start);
        for (var i = 0; i < reached.Length; i++)
        {
            var (stream, _, events) = request.Streams[i];
            var version = events.Count == 0 ? versionOf(i) : 0;
            foreach (var happened in events)
            {
                if (found[next++] is not { } earlier)
                    continue;
                if (!isAll || !earlier.Is(stream, happened))
                    return new AppendResult.IdReused(happened.Id, earlier.Stream, earlier.Position);
                version = Math.Max(version, earlier.Version);
                last = Position.Latest(last, earlier.Position);
            }

            reached[i] = new StreamVersion(stream, version);
        }

        return new AppendResult.Appended(last, reached, AlreadyKnown: true);
    }
}
