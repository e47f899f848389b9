using Npgsql;
using NpgsqlTypes;

namespace Headwater;

/// <summary>Which node runs what, in a PostgreSQL database. The server's clock counts.</summary>
internal sealed class PostgresLeaseStore(PostgresDatabase database) : ILeaseStore
{
    /// <summary>All in one round trip and one transaction; may be repeated, because renewing what one has changes no fence.</summary>
    public ValueTask<LeaseTable> Renew(NodeInfo node, IReadOnlyList<string> wanted, TimeSpan duration, CancellationToken cancel) => database.Use(
        (node, wanted, duration), static async (database, asked, cancel) =>
        {
            await using var connection = await database.Source.OpenConnectionAsync(cancel);
            await using var batch = new NpgsqlBatch(connection);
            Add(batch, database.Sql.RenewNode).With(asked.node.Id).With(asked.node.Host).With(asked.node.ProcessId).With(asked.node.StartedAt)
                .With(asked.duration, NpgsqlDbType.Interval);
            Add(batch, database.Sql.RenewLeases).With(asked.node.Id).WithArray([.. asked.wanted], NpgsqlDbType.Text).With(asked.duration, NpgsqlDbType.Interval);
            Add(batch, database.Sql.LivingNodes);
            Add(batch, database.Sql.LivingLeases);

            await using var rows = await batch.ExecuteReaderAsync(cancel);
            var nodes = new List<NodeInfo>();
            while (await rows.ReadAsync(cancel))
                nodes.Add(new NodeInfo(rows.GetString(0), rows.GetString(1), rows.GetInt32(2), new DateTimeOffset(rows.GetDateTime(3))));
            await rows.NextResultAsync(cancel);
            var leases = new List<Lease>();
            while (await rows.ReadAsync(cancel))
                leases.Add(new Lease(rows.GetString(0), rows.GetString(1), rows.GetInt64(2), new DateTimeOffset(rows.GetDateTime(3))));
            return new LeaseTable(nodes, leases);
        }, cancel);

    public async ValueTask Release(string node, CancellationToken cancel)
    {
        await database.Query(database.Sql.ReleaseLeases, parameters => parameters.With(node), static _ => true, cancel);
        database.Bell.Ring();
    }

    private static NpgsqlParameterCollection Add(NpgsqlBatch batch, string sql)
    {
        var command = new NpgsqlBatchCommand(sql);
        batch.BatchCommands.Add(command);
        return command.Parameters;
    }
}
