namespace Headwater;

/// <summary>Reads pages of the log, in whatever transaction the session is in.</summary>
internal static class LogPages
{
    public static long Head(Session session)
    {
        using var head = session.Use(Sql.Head);
        head.Step();
        return head.Number(0);
    }

    public static long StreamVersion(Session session, ReadOnlyMemory<byte> stream)
    {
        using var version = session.Use(Sql.StreamVersion);
        version.BindUtf8(1, stream).Step();
        return version.Number(0);
    }

    /// <summary>The session must be in a transaction, so that the page and the head, up to which a page that is not full reaches, fit.</summary>
    public static LogPage Read(Session session, LogQuery query)
    {
        var end = Math.Min(query.UpTo.Value, Head(session));
        if (end <= query.After.Value || query.Limit <= 0)
            return new LogPage([], query.After);
        var events = query.Filter switch
        {
            LogFilter.All => ReadRange(session, session.Use(Sql.ReadAll), query, end),
            LogFilter.Category category => ReadRange(session, session.Use(Sql.ReadCategory).Bind(4, category.Name), query, end),
            LogFilter.Tagged tagged => ReadRange(session, session.Use(Sql.ReadTagged).Bind(4, tagged.Tag.Key).Bind(5, tagged.Tag.Value), query, end),
            LogFilter.OneStream one => ReadStream(session, one.Stream, query, end),
            _ => throw new NotSupportedException($"A store cannot filter by {query.Filter}."),
        };
        return new LogPage(events, events.Count == query.Limit ? events[^1].Position : new Position(end));
    }

    public static List<RecordedEvent> ReadStream(Session session, ReadOnlyMemory<byte> stream, long afterVersion, int limit)
    {
        using var rows = session.Use(Sql.ReadStream);
        return EventRows.ReadAll(session, rows.BindUtf8(1, stream).Bind(2, afterVersion).Bind(3, limit));
    }

    private static List<RecordedEvent> ReadRange(Session session, Statement statement, LogQuery query, long end)
    {
        using var rows = statement;
        return EventRows.ReadAll(session, rows.Bind(1, query.After.Value).Bind(2, end).Bind(3, query.Limit));
    }

    private static List<RecordedEvent> ReadStream(Session session, StreamId stream, LogQuery query, long end)
    {
        var text = new StoredStream(stream).Text;
        var events = ReadStream(session, text, VersionAt(session, text, query.After.Value), query.Limit);
        events.RemoveAll(happened => happened.Position.Value > end);
        return events;
    }

    /// <summary>
    /// The version a stream had at a position. Versions and positions grow together, so it is found by bisection, and a stream's
    /// index by version serves for both.
    /// </summary>
    private static long VersionAt(Session session, byte[] stream, long position)
    {
        if (position <= 0)
            return 0;
        var (low, high) = (0L, StreamVersion(session, stream));
        while (low < high)
        {
            var middle = high - (high - low) / 2;
            using var find = session.Use(Sql.PositionOfVersion);
            find.BindUtf8(1, stream).Bind(2, middle).Step();
            if (find.Number(0) <= position)
                low = middle;
            else
                high = middle - 1;
        }

        return low;
    }
}
