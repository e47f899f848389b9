using Npgsql;

namespace Headwater.Postgres.Faults;

/// <summary>
/// Reads the table of events as one would who does not know better: what stands above the last position he has seen. He misses
/// every event whose transaction commits later than one with a higher position.
/// </summary>
internal sealed class NaiveReader(string connectionString, string schema)
{
    private readonly HashSet<Seen> seen = [];

    public IReadOnlySet<Seen> Seen => seen;

    /// <summary>Reads until the writers are done and nothing is left.</summary>
    public async Task Read(Task writing)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        for (var last = 0L; ;)
        {
            var isLast = writing.IsCompleted;
            await using var command = source.CreateCommand($"SELECT position, event_id FROM {schema}.events WHERE position > {last} ORDER BY position LIMIT 500");
            await using var row = await command.ExecuteReaderAsync();
            var before = last;
            while (await row.ReadAsync())
            {
                last = row.GetInt64(0);
                seen.Add(new Seen(last, row.GetGuid(1)));
            }

            if (isLast && last == before)
                return;
        }
    }
}
