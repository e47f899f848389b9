using System.Data.Common;

namespace Headwater.Simulation;

/// <summary>A read-model store that passes everything on; a mistake changes one thing of it.</summary>
internal abstract class AroundReadModels(IReadModelStore inner) : IReadModelStore
{
    public ValueTask Prepare(ReadModelSchema schema, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel) =>
        inner.Prepare(schema, tables, cancel);

    public ValueTask<ReadModelState> State(string model, CancellationToken cancel) => inner.State(model, cancel);

    public virtual ValueTask<RowPage> ReadRow(string model, string key, CancellationToken cancel) => inner.ReadRow(model, key, cancel);

    public ValueTask<RowPage> FindRows(
        string model, IReadOnlyList<FieldValue> fields, string? afterKey, int limit, CancellationToken cancel) =>
        inner.FindRows(model, fields, afterKey, limit, cancel);

    public virtual ValueTask<RowPage> ReadChanges(string model, string? key, Position after, int limit, CancellationToken cancel) =>
        inner.ReadChanges(model, key, after, limit, cancel);

    public ValueTask<Checkpoint> Claim(string model, long fence, CancellationToken cancel) => inner.Claim(model, fence, cancel);

    public virtual ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel) => inner.Commit(commit, cancel);

    public ValueTask Reset(string model, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel) =>
        inner.Reset(model, tables, cancel);

    public ValueTask<string> Bind(string epoch, CancellationToken cancel) => inner.Bind(epoch, cancel);

    public ValueTask TrimTombstones(string model, Position upTo, CancellationToken cancel) => inner.TrimTombstones(model, upTo, cancel);
}
