namespace Headwater;

/// <summary>Events published one by one, put together for as few appends as keep their order.</summary>
internal static class PublishedEvents
{
    /// <summary>
    /// The version each stream must have before its first event. Every event may have said which version it expects before itself;
    /// together they must mean one.
    /// </summary>
    /// <exception cref="ArgumentException">They contradict each other.</exception>
    public static Dictionary<StreamId, ExpectedVersion> Expected(IReadOnlyList<StreamAppend> published)
    {
        var first = new Dictionary<StreamId, ExpectedVersion>();
        var count = new Dictionary<StreamId, int>();
        foreach (var (stream, expected, events) in published)
        {
            var (already, earlier) = (count.GetValueOrDefault(stream), first.GetValueOrDefault(stream, ExpectedVersion.Any));
            count[stream] = already + events.Count;
            first[stream] = earlier;
            if (expected == ExpectedVersion.Any)
                continue;
            first[stream] = new ExpectedVersion(expected.Value - already);
            if (expected.Value < already || !earlier.Allows(expected.Value - already))
                throw new ArgumentException(
                    $"Stream '{stream}' cannot have {expected} then: {already} events were published to it before"
                    + (earlier == ExpectedVersion.Any ? "." : $", and {earlier} was expected before the first."), nameof(published));
        }

        return first;
    }

    /// <summary>
    /// An append names each stream once, so another one begins where a stream comes up again. The first names all streams and what is
    /// expected of them: so nothing is appended if one has another version, and a database that locks them does so at once and in its
    /// own order, lest two that publish to the same ones wait for each other.
    /// </summary>
    public static List<List<StreamAppend>> Appends(IReadOnlyList<StreamAppend> published)
    {
        var expected = Expected(published);
        var appends = new List<List<StreamAppend>> { new() };
        foreach (var (stream, _, events) in published)
        {
            var last = appends[^1];
            if (last.Count > 0 && last[^1].Stream == stream)
            {
                last[^1] = last[^1] with { Events = [.. last[^1].Events, .. events] };
                continue;
            }

            if (last.Exists(part => part.Stream == stream))
                appends.Add(last = []);
            last.Add(new StreamAppend(stream, appends.Count == 1 ? expected[stream] : ExpectedVersion.Any, events));
        }

        appends[0].AddRange(expected.Where(first => !appends[0].Exists(part => part.Stream == first.Key))
            .Select(first => new StreamAppend(first.Key, first.Value, [])));
        return appends;
    }
}
