using System.Data.Common;

namespace Headwater;

internal sealed partial class MemoryStore : IReadModelStore
{
    /// <summary>Rows need no preparing here: every read model is there, and empty until something is written.</summary>
    public ValueTask Prepare(ReadModelSchema schema, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel) =>
        tables is null ? ValueTask.CompletedTask : throw MemoryReadModel.NoTables(schema.Model);

    public ValueTask<ReadModelState> State(string model, CancellationToken cancel) =>
        ValueTask.FromResult(state.ReadModel(model).State);

    public ValueTask<RowPage> ReadRow(string model, string key, CancellationToken cancel)
    {
        var snapshot = state.ReadModel(model);
        return ValueTask.FromResult(snapshot.Page(snapshot.Row(key) is { } row ? [row] : []));
    }

    public ValueTask<RowPage> FindRows(
        string model, IReadOnlyList<FieldValue> fields, string? afterKey, int limit, CancellationToken cancel) =>
        ValueTask.FromResult(state.ReadModel(model).Find(fields, afterKey, limit));

    public ValueTask<RowPage> ReadChanges(string model, string? key, Position after, int limit, CancellationToken cancel) =>
        ValueTask.FromResult(state.ReadModel(model).Changes(key, after, limit));

    ValueTask<Checkpoint> IReadModelStore.Claim(string model, long fence, CancellationToken cancel) =>
        state.ReadModel(model).State.Checkpoint is var known && fence <= known.Fence ? ValueTask.FromResult(known) : Write(
            before =>
            {
                var after = before.ReadModel(model).Claim(fence);
                return (before with { ReadModels = before.ReadModels.SetItem(model, after) }, after.State.Checkpoint);
            }, cancel);

    public ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel) => Write(
        async before =>
        {
            var transaction = new MemoryTransaction(before);
            var isDone = await transaction.Commit(commit, cancel);
            return (transaction.State, isDone);
        }, cancel);

    public async ValueTask Reset(string model, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel)
    {
        if (tables is not null)
            throw MemoryReadModel.NoTables(model);
        await Change(model, before => before.NextGeneration(), cancel);
    }

    public ValueTask<string> Bind(string epoch, CancellationToken cancel) => Write(
        before => before.Log is { } known ? (before, known) : (before with { Log = epoch }, epoch), cancel);

    public async ValueTask TrimTombstones(string model, Position upTo, CancellationToken cancel) =>
        await Change(model, before => before.Trim(upTo), cancel);

    private ValueTask<bool> Change(string model, Func<MemoryReadModel, MemoryReadModel> change, CancellationToken cancel) => Write(
        before => (before with { ReadModels = before.ReadModels.SetItem(model, change(before.ReadModel(model))) }, true), cancel);
}
