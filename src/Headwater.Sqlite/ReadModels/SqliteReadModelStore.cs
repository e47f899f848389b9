using System.Data.Common;

namespace Headwater;

/// <summary>Read models in a SQLite database.</summary>
internal sealed class SqliteReadModelStore(SqliteDatabase database) : IReadModelStore
{
    public async ValueTask Prepare(ReadModelSchema schema, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel) =>
        await database.Writer.Do(async transaction =>
        {
            FieldIndexes.Align(transaction.Session, schema);
            if (tables is not null)
                await transaction.Lend(schema.Model, tables);
            return true;
        }, cancel);

    public ValueTask<ReadModelState> State(string model, CancellationToken cancel) => database.Read(model, Checkpoints.State, cancel);

    public ValueTask<RowPage> ReadRow(string model, string key, CancellationToken cancel) => database.ReadSnapshot(
        (model, key), static (session, query) => ModelRows.ReadRow(session, query.model, query.key), cancel);

    public ValueTask<RowPage> FindRows(
        string model, IReadOnlyList<FieldValue> fields, string? afterKey, int limit, CancellationToken cancel) => database.ReadSnapshot(
            (model, fields, afterKey, limit),
            static (session, query) => ModelRows.Find(session, query.model, query.fields, query.afterKey, query.limit), cancel);

    public ValueTask<RowPage> ReadChanges(string model, string? key, Position after, int limit, CancellationToken cancel) =>
        database.ReadSnapshot((model, key, after, limit),
            static (session, query) => ModelRows.ReadChanges(session, query.model, query.key, query.after, query.limit), cancel);

    public async ValueTask<Checkpoint> Claim(string model, long fence, CancellationToken cancel) => fence == 0
        ? (await State(model, cancel)).Checkpoint
        : await database.Writer.Do(transaction => ValueTask.FromResult(Checkpoints.Claim(transaction.Session, model, fence)), cancel);

    public ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel) =>
        database.Writer.Do(transaction => ModelRows.Commit(transaction, commit), cancel);

    public async ValueTask Reset(string model, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel) =>
        await database.Writer.Do(async transaction =>
        {
            ModelRows.Reset(transaction.Session, model);
            if (tables is not null)
                await transaction.Lend(model, tables);
            return true;
        }, cancel);

    public ValueTask<string> Bind(string epoch, CancellationToken cancel) =>
        database.Writer.Do(transaction => ValueTask.FromResult(Schema.Bind(transaction.Session, epoch)), cancel);

    public async ValueTask TrimTombstones(string model, Position upTo, CancellationToken cancel) =>
        await database.Writer.Do(transaction =>
        {
            ModelRows.TrimDeletions(transaction.Session, model, upTo);
            return ValueTask.FromResult(true);
        }, cancel);
}
