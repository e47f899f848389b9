using System.Data.Common;

namespace Headwater.Postgres.Faults;

/// <summary>A projection into a table of its own, which refuses an event that comes twice.</summary>
internal sealed class SeenTable(string schema) : ISqlProjection
{
    public ValueTask Create(DbTransaction transaction, CancellationToken cancel) =>
        Run(transaction, $"CREATE TABLE IF NOT EXISTS {schema}.seen (position bigint PRIMARY KEY, id uuid NOT NULL)", cancel);

    public ValueTask Apply(RecordedEvent happened, DbTransaction transaction, CancellationToken cancel) =>
        Run(transaction, $"INSERT INTO {schema}.seen VALUES ({happened.Position.Value}, '{happened.Id}')", cancel);

    public ValueTask Clear(DbTransaction transaction, CancellationToken cancel) => Run(transaction, $"TRUNCATE {schema}.seen", cancel);

    private static async ValueTask Run(DbTransaction transaction, string sql, CancellationToken cancel)
    {
        await using var command = transaction.Connection!.CreateCommand();
        command.CommandText = sql;
        command.Transaction = transaction;
        await command.ExecuteNonQueryAsync(cancel);
    }
}
