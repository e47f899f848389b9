using System.Data.Common;

namespace Headwater.Simulation;

/// <summary>Saves the checkpoint, and in a second step the rows: a crash between the two loses them.</summary>
internal sealed class CheckpointFirst : PlantedBug
{
    public override Stores In(Stores stores, World world) => stores with { ReadModels = new Store(stores.ReadModels, world) };

    private sealed class Store(IReadModelStore inner, World world) : IReadModelStore
    {
        public async ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel)
        {
            if (!await inner.Commit(commit with { Rows = [] }, cancel))
                return false;
            await world.SomeTurns();
            return await inner.Commit(commit with { From = commit.From with { Position = commit.To } }, cancel);
        }

        public ValueTask Prepare(ReadModelSchema schema, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel) =>
            inner.Prepare(schema, tables, cancel);

        public ValueTask<ReadModelState> State(string model, CancellationToken cancel) => inner.State(model, cancel);

        public ValueTask<RowPage> ReadRow(string model, string key, CancellationToken cancel) => inner.ReadRow(model, key, cancel);

        public ValueTask<RowPage> FindRows(
            string model, IReadOnlyList<FieldValue> fields, string? afterKey, int limit, CancellationToken cancel) =>
            inner.FindRows(model, fields, afterKey, limit, cancel);

        public ValueTask<RowPage> ReadChanges(string model, string? key, Position after, int limit, CancellationToken cancel) =>
            inner.ReadChanges(model, key, after, limit, cancel);

        public ValueTask Reset(string model, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel) =>
            inner.Reset(model, tables, cancel);

        public ValueTask TrimTombstones(string model, Position upTo, CancellationToken cancel) => inner.TrimTombstones(model, upTo, cancel);
    }
}
