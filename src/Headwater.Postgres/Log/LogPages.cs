using Npgsql;

namespace Headwater;

/// <summary>Reads pages of the log up to a position below which nothing changes any more.</summary>
internal static class LogPages
{
    /// <summary>The statement for a page.</summary>
    public static string Text(Sql sql, LogFilter filter) => filter switch
    {
        LogFilter.All => sql.ReadAll,
        LogFilter.Category => sql.ReadCategory,
        LogFilter.Tagged => sql.ReadTagged,
        LogFilter.OneStream => sql.ReadStreamBetween,
        _ => throw new NotSupportedException($"A store cannot filter by {filter}."),
    };

    public static void Bind(NpgsqlParameterCollection parameters, LogQuery query, long end)
    {
        parameters.With(query.After.Value).With(end).With((long)query.Limit);
        switch (query.Filter)
        {
            case LogFilter.Category category:
                parameters.With(category.Name);
                break;
            case LogFilter.Tagged { Tag: var (key, value) }:
                parameters.With(key).With(value);
                break;
            case LogFilter.OneStream one:
                parameters.With(one.Stream.ToString());
                break;
        }
    }

    public static LogPage Page(List<RecordedEvent> events, LogQuery query, long end) =>
        new(events, events.Count == query.Limit ? events[^1].Position : new Position(end));
}
