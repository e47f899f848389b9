using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Headwater.Postgres.Tests;

/// <summary>A schema in one of the tests' servers, by default the oldest, which goes with the test.</summary>
internal sealed class TestSchema(TestServer? server = null) : IAsyncDisposable
{
    private readonly TestServer server = server ?? TestServer.Oldest;
    private readonly List<PostgresDatabase> opened = [];

    public string Name { get; } = $"hw_{Guid.NewGuid():n}";

    public async ValueTask<PostgresDatabase> Open(
        TimeProvider? time = null, HeadwaterOptions? options = null, bool groupCommit = true, ILoggerFactory? loggers = null, string more = "")
    {
        var database = new PostgresDatabase(
            await server.ConnectionString("Maximum Pool Size=10;" + more),
            new PostgresOptions { Schema = Name, GroupCommit = groupCommit, ListenConnectionString = await server.DirectConnectionString() },
            options ?? new HeadwaterOptions(), time ?? TimeProvider.System, new Random(), loggers ?? NullLoggerFactory.Instance);
        opened.Add(database);
        return database;
    }

    /// <summary>A connection as any program has one.</summary>
    public ValueTask<NpgsqlConnection> Connect() => server.Connect();

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
