using Headwater.Postgres.Servers;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Headwater.Postgres.Tests;

/// <summary>A schema in the tests' server, which goes with the test.</summary>
internal sealed class TestSchema : IAsyncDisposable
{
    private readonly List<PostgresDatabase> opened = [];

    public string Name { get; } = $"hw_{Guid.NewGuid():n}";

    public static async ValueTask<string> ConnectionString(string more = "") =>
        (await PostgresServer.Shared).ConnectionString(more: "Maximum Pool Size=10;" + more);

    public async ValueTask<PostgresDatabase> Open(
        TimeProvider? time = null, HeadwaterOptions? options = null, bool groupCommit = true, ILoggerFactory? loggers = null, string more = "")
    {
        var database = new PostgresDatabase(
            await ConnectionString(more), new PostgresOptions { Schema = Name, GroupCommit = groupCommit }, options ?? new HeadwaterOptions(),
            time ?? TimeProvider.System, new Random(), loggers ?? NullLoggerFactory.Instance);
        opened.Add(database);
        return database;
    }

    /// <summary>A connection as any program has one.</summary>
    public static async ValueTask<NpgsqlConnection> Connect()
    {
        var connection = new NpgsqlConnection(await ConnectionString("Pooling=false"));
        await connection.OpenAsync();
        return connection;
    }

    /// <summary>Runs a statement on a connection of its own; <c>{schema}</c> stands for the schema.</summary>
    public async ValueTask<object?> Run(string sql)
    {
        await using var connection = await Connect();
        return await Run(connection, sql);
    }

    public async ValueTask<object?> Run(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql.Replace("{schema}", Name, StringComparison.Ordinal), connection);
        return await command.ExecuteScalarAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var database in opened)
            await database.DisposeAsync();
        await Run("DROP SCHEMA IF EXISTS {schema} CASCADE");
    }
}
