using Npgsql;

namespace Headwater.Postgres.Faults;

/// <summary>Few words to append with, and to ask the table of events what is true.</summary>
internal static class Events
{
    public static EventData Event(string json = "{}") => new(Guid.NewGuid(), "happened", System.Text.Encoding.UTF8.GetBytes(json));

    public static StreamAppend To(string key, params EventData[] events) => new(new StreamId("thing", key), ExpectedVersion.Any, events);

    /// <summary>Appends one event, which must go well.</summary>
    /// <returns>Its id.</returns>
    public static async Task<Guid> Happen(this Log log, string key = "1", string json = "{}")
    {
        var happened = Event(json);
        Assert.IsType<AppendResult.Appended>(await log.Append([To(key, happened)], TestContext.Current.CancellationToken));
        return happened.Id;
    }

    /// <summary>All events, straight from their table, which nobody may be writing to any more.</summary>
    public static async Task<List<(Seen Event, string Stream, long Version)>> Truth(string connectionString, string schema)
    {
        var all = new List<(Seen, string, long)>();
        await Read(connectionString, $"SELECT position, event_id, stream, version FROM {schema}.events ORDER BY position",
            row => all.Add((new Seen(row.GetInt64(0), row.GetGuid(1)), row.GetString(2), row.GetInt64(3))));
        return all;
    }

    /// <summary>What the projection <see cref="SeenTable"/> was given.</summary>
    public static async Task<List<Seen>> Projected(string connectionString, string schema)
    {
        var all = new List<Seen>();
        await Read(connectionString, $"SELECT position, id FROM {schema}.seen ORDER BY position", row => all.Add(new Seen(row.GetInt64(0), row.GetGuid(1))));
        return all;
    }

    /// <summary>That each stream's versions are 1, 2, 3 ... in the order of the log.</summary>
    public static void AssertNoHoles(IEnumerable<(Seen Event, string Stream, long Version)> truth)
    {
        foreach (var stream in truth.GroupBy(each => each.Stream))
            Assert.Equal(Enumerable.Range(1, stream.Count()).Select(version => (long)version), stream.Select(each => each.Version));
    }

    /// <summary>That a reader was given every event once and in order.</summary>
    public static void AssertSame(IReadOnlyList<Seen> truth, IReadOnlyList<Seen> seen)
    {
        var (given, once) = (seen.ToHashSet(), truth.ToHashSet());
        Assert.True(
            seen.SequenceEqual(truth),
            $"Of {truth.Count} events {once.Count(each => !given.Contains(each))} were skipped; {seen.Count - given.Count} came twice, {given.Count(each => !once.Contains(each))} were never there.");
    }

    private static async Task Read(string connectionString, string sql, Action<NpgsqlDataReader> add)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(sql);
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync())
            add(row);
    }
}
