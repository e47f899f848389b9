using System.Text;
using Headwater.Postgres.Servers;
using Npgsql;
using NpgsqlTypes;

namespace Headwater.Bench;

/// <summary>
/// The rows of the log, inserted by Npgsql with a sequence. Readers could not follow them safely, unless the inserts exclude each other.
/// </summary>
internal sealed class BareInserts(NpgsqlDataSource source, string schema, bool isLocked = false)
{
    private static readonly byte[] metadata = Encoding.UTF8.GetBytes($$"""{"correlation":"{{Guid.Empty}}"}""");

    /// <summary>Makes the very tables of a log under another name.</summary>
    public static async Task<BareInserts> Make(PostgresServer server, string like, NpgsqlDataSource source, string schema, bool isLocked = false)
    {
        await server.Execute(
            $"CREATE SCHEMA {schema}; CREATE SEQUENCE {schema}.positions; CREATE TABLE {schema}.events (LIKE {like}.events INCLUDING ALL)");
        return new BareInserts(source, schema, isLocked);
    }

    public async Task Append(StreamId stream, byte[] data, string? channel = null)
    {
        await using var connection = await source.OpenConnectionAsync();
        await using var batch = new NpgsqlBatch(connection);
        if (isLocked)
            batch.BatchCommands.Add(new NpgsqlBatchCommand("SELECT pg_advisory_xact_lock(1)"));
        var insert = new NpgsqlBatchCommand(
            $"""
            INSERT INTO {schema}.events (position, stream, version, type, schema_version, event_id, recorded_at, data, metadata)
            VALUES (nextval('{schema}.positions'), $1, 1, $2, $3, $4, $5, $6, $7) RETURNING position
            """);
        insert.Parameters.Add(new NpgsqlParameter<string> { TypedValue = stream.ToString() });
        insert.Parameters.Add(new NpgsqlParameter<string> { TypedValue = "moved" });
        insert.Parameters.Add(new NpgsqlParameter<int> { TypedValue = 1 });
        insert.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = Guid.CreateVersion7() });
        insert.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = DateTime.UtcNow });
        insert.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = data, NpgsqlDbType = NpgsqlDbType.Json });
        insert.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = metadata, NpgsqlDbType = NpgsqlDbType.Json });
        batch.BatchCommands.Add(insert);
        if (channel is not null)
            batch.BatchCommands.Add(new NpgsqlBatchCommand($"SELECT pg_notify('{channel}', currval('{schema}.positions')::text)"));
        await batch.ExecuteNonQueryAsync();
    }
}
