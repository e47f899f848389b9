using Headwater.Postgres.Servers;
using Npgsql;

namespace Headwater.Postgres.Tests;

/// <summary>A way to a server that the tests of this process share.</summary>
/// <param name="server">The server.</param>
/// <param name="isPooled">Whether PgBouncer is between, in transaction mode.</param>
internal sealed class TestServer(Func<Task<PostgresServer>> server, bool isPooled = false)
{
    // Nobody disposes it: its guard notices that the process has ended.
    private static readonly Lazy<Task<PgBouncer>> bouncer = new(async () => await PgBouncer.Start(await PostgresServer.SharedNewest, connections: 40));

    /// <summary>The oldest version that is supported, directly.</summary>
    public static TestServer Oldest { get; } = new(() => PostgresServer.Shared);

    /// <summary>The newest version, directly.</summary>
    public static TestServer Newest { get; } = new(() => PostgresServer.SharedNewest);

    /// <summary>The newest version behind PgBouncer, where statements that follow each other may run in different sessions.</summary>
    public static TestServer Pooled { get; } = new(() => PostgresServer.SharedNewest, isPooled: true);

    public async ValueTask<string> ConnectionString(string more = "") =>
        isPooled ? (await bouncer.Value).ConnectionString(more: more) : await DirectConnectionString(more);

    /// <summary>Past the pooler.</summary>
    public async ValueTask<string> DirectConnectionString(string more = "") => (await server()).ConnectionString(more: more);

    /// <summary>A connection as any program has one.</summary>
    public async ValueTask<NpgsqlConnection> Connect()
    {
        var connection = new NpgsqlConnection(await ConnectionString("Pooling=false"));
        await connection.OpenAsync();
        return connection;
    }
}
