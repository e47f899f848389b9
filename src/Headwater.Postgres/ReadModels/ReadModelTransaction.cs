using System.Data.Common;
using Npgsql;

namespace Headwater;

/// <summary>The transaction of an append as those see it who take part in it.</summary>
/// <param name="database">The database.</param>
/// <param name="transaction">The transaction.</param>
/// <param name="last">The position of its last event; all below it is settled.</param>
internal sealed class ReadModelTransaction(PostgresDatabase database, NpgsqlTransaction transaction, Position last) : IReadModelTransaction
{
    private readonly LentTransaction lent = new(transaction);

    /// <summary>Whether application code has worked in it.</summary>
    public bool WasLent { get; private set; }

    public DbTransaction? Database
    {
        get
        {
            WasLent = true;
            return transaction;
        }
    }

    public ValueTask Lend(string to, Func<ValueTask> work) => lent.Run(to, work);

    public async ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel)
    {
        var end = Math.Min(query.UpTo.Value, last.Value);
        if (end <= query.After.Value || query.Limit <= 0)
            return new LogPage([], query.After);
        await using var command = Command(LogPages.Text(database.Sql, query.Filter));
        LogPages.Bind(command.Parameters, query, end);
        return LogPages.Page(await command.ReadAll(EventRows.Read, cancel), query, end);
    }

    public async ValueTask<ReadModelState> State(string model, CancellationToken cancel)
    {
        await using var command = Command(database.Sql.LockState);
        command.Parameters.With(model);
        return (await command.ReadAll(Checkpoints.Read, cancel)).FirstOrDefault();
    }

    public async ValueTask<ReadOnlyMemory<byte>?> ReadRow(string model, string key, CancellationToken cancel)
    {
        await using var command = Command(database.Sql.ReadRowData);
        command.Parameters.With(model).With(key);
        return (await command.ReadAll(static row => ModelRows.Data(row, 0), cancel)).FirstOrDefault();
    }

    public async ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel)
    {
        if (!await PostgresReadModelStore.Commit(database, transaction.Connection!, commit, cancel))
            return false;
        WasLent |= commit.Tables is not null;
        if (commit.Tables is { } tables)
            await lent.Run(commit.Model, () => tables(transaction, cancel));
        return true;
    }

    private NpgsqlCommand Command(string text) => new(text, transaction.Connection);
}
