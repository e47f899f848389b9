namespace Headwater;

/// <summary>Reads one page of the store, for any filter but a union.</summary>
internal delegate ValueTask<LogPage> PageReader(LogQuery query, CancellationToken cancel);

/// <summary>Reads unions of filters from a store that is never asked for one.</summary>
internal static class UnionRead
{
    /// <summary>Merges one page per filter. The union is known only as far as the page that got least far.</summary>
    public static async ValueTask<LogPage> Read(LogQuery query, PageReader store, CancellationToken cancel)
    {
        if (query.Filter is not LogFilter.AnyOf union)
            return await store(query, cancel);

        var merged = new SortedList<Position, RecordedEvent>();
        var next = query.UpTo;
        foreach (var filter in union.Filters)
        {
            var page = await Read(query with { Filter = filter }, store, cancel);
            next = Position.Min(next, page.Next);
            foreach (var happened in page.Events)
                merged.TryAdd(happened.Position, happened);
        }

        var events = merged.Values.Where(happened => happened.Position <= next).Take(query.Limit).ToList();
        return new LogPage(events, events.Count == query.Limit ? events[^1].Position : next);
    }
}
