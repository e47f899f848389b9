using System.Data.Common;

namespace Headwater;

/// <summary>The writer's transaction as those see it who take part in an append.</summary>
internal sealed class ReadModelTransaction(WriteTransaction transaction) : IReadModelTransaction
{
    public DbTransaction? Database => transaction.Database;

    public ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel) =>
        ValueTask.FromResult(LogPages.Read(transaction.Session, query));

    public ValueTask<ReadModelState> State(string model, CancellationToken cancel) =>
        ValueTask.FromResult(Checkpoints.State(transaction.Session, model));

    public ValueTask<ReadOnlyMemory<byte>?> ReadRow(string model, string key, CancellationToken cancel) =>
        ValueTask.FromResult(ModelRows.Read(transaction.Session, model, key));

    public ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel) => ModelRows.Commit(transaction, commit);
}
