namespace Headwater;

/// <summary>The server's cursors in a SQLite database.</summary>
internal sealed class SqliteCheckpointStore(SqliteDatabase database) : ICheckpointStore
{
    public ValueTask<Checkpoint> Load(string subscription, CancellationToken cancel) =>
        database.Read(subscription, static (session, name) => Checkpoints.State(session, name).Checkpoint, cancel);

    public ValueTask<Checkpoint> Claim(string subscription, long fence, CancellationToken cancel) => fence == 0
        ? Load(subscription, cancel)
        : database.Writer.Do(transaction => ValueTask.FromResult(Checkpoints.Claim(transaction.Session, subscription, fence)), cancel);

    public ValueTask<bool> Save(string subscription, Checkpoint from, Position to, SkippedEvent? skipped, CancellationToken cancel) =>
        database.Writer.Do(
            transaction => ValueTask.FromResult(Checkpoints.Move(transaction.Session, subscription, from, to, skipped)), cancel);

    public ValueTask<IReadOnlyList<SkippedEvent>> ReadSkipped(string subscription, int limit, CancellationToken cancel) =>
        database.Read((subscription, limit), static (session, query) => Checkpoints.ReadSkipped(session, query.subscription, query.limit), cancel);
}
