using System.Data.Common;
using Headwater.Postgres.Servers;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Headwater.EntityFrameworkCore.Tests;

public sealed class PostgresOutboxTests(StartedServer server) : OutboxSpecification(new PostgresProvider(server.Server)), IClassFixture<StartedServer>;

/// <summary>The server, started before the first test.</summary>
public sealed class StartedServer : IAsyncLifetime
{
    public PostgresServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await PostgresServer.Shared;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>A database of its own, which EF Core makes with its tables.</summary>
internal sealed class PostgresProvider(PostgresServer server) : Provider
{
    private readonly string database = $"shop_{Guid.NewGuid():n}";

    public override string CountEvents => "SELECT count(*)::int AS \"Value\" FROM headwater.events";

    private string ConnectionString => server.ConnectionString(database, "Pooling=false");

    public override void Keep(HeadwaterBuilder headwater) => headwater.UsePostgres(server.ConnectionString(database, "Maximum Pool Size=10"));

    public override void Use(DbContextOptionsBuilder options, Func<ExecutionStrategyDependencies, IExecutionStrategy>? retrying) =>
        options.UseNpgsql(ConnectionString, npgsql =>
        {
            if (retrying is not null)
                npgsql.ExecutionStrategy(retrying);
        });

    public override async ValueTask<DbConnection> Connect()
    {
        var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    public override async ValueTask DisposeAsync() => await server.Execute($"DROP DATABASE IF EXISTS {database} WITH (FORCE)");
}
