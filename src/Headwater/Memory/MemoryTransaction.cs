using System.Data.Common;

namespace Headwater;

/// <summary>The transaction of an append: what it sees and writes stays with it until the store takes <see cref="State"/> over.</summary>
internal sealed class MemoryTransaction(MemoryState state) : IReadModelTransaction
{
    public MemoryState State { get; private set; } = state;

    public DbTransaction? Database => null;

    public ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel) => ValueTask.FromResult(State.Read(query));

    ValueTask<ReadModelState> IReadModelTransaction.State(string model, CancellationToken cancel) =>
        ValueTask.FromResult(State.ReadModel(model).State);

    public ValueTask<ReadOnlyMemory<byte>?> ReadRow(string model, string key, CancellationToken cancel) =>
        ValueTask.FromResult(State.ReadModel(model).Row(key)?.Data);

    public ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel)
    {
        if (State.ReadModel(commit.Model).Commit(commit) is not { } model)
            return ValueTask.FromResult(false);
        State = (State with { ReadModels = State.ReadModels.SetItem(commit.Model, model) }).Skip(commit.Model, commit.Skipped);
        return ValueTask.FromResult(true);
    }
}
