namespace Headwater;

/// <summary>The server's cursors in a PostgreSQL database.</summary>
internal sealed class PostgresCheckpointStore(PostgresDatabase database) : ICheckpointStore
{
    public async ValueTask<Checkpoint> Load(string subscription, CancellationToken cancel) => (await database.Query(
        database.Sql.State, parameters => parameters.With(subscription), Checkpoints.Read, cancel)).FirstOrDefault().Checkpoint;

    public ValueTask<Checkpoint> Claim(string subscription, long fence, CancellationToken cancel) =>
        Checkpoints.Claim(database, subscription, fence, cancel);

    public async ValueTask<bool> Save(string subscription, Checkpoint from, Position to, SkippedEvent? skipped, CancellationToken cancel) =>
        (await database.Query(
            database.Sql.MoveCheckpoint, parameters => parameters.WithMove(subscription, from, to, skipped), static row => row.GetBoolean(0), cancel))[0];

    public async ValueTask<IReadOnlyList<SkippedEvent>> ReadSkipped(string subscription, int limit, CancellationToken cancel) => await database.Query(
        database.Sql.ReadSkipped, parameters => parameters.With(subscription).With((long)limit), static row => new SkippedEvent(
            new Position(row.GetInt64(0)), StreamId.Parse(row.GetString(1)), row.GetString(2), row.GetString(3), new DateTimeOffset(row.GetDateTime(4))), cancel);
}
