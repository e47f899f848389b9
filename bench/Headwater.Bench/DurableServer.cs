using Headwater.Postgres.Servers;

namespace Headwater.Bench;

/// <summary>A PostgreSQL server that loses nothing, as those of the tests may.</summary>
internal static class DurableServer
{
    public static async Task<PostgresServer> Start()
    {
        var server = await PostgresServer.Start(settings: new Dictionary<string, string>
        {
            ["fsync"] = "on", ["full_page_writes"] = "on", ["shared_buffers"] = "256MB", ["max_connections"] = "300", ["max_wal_size"] = "4GB",
        });
        Console.WriteLine(
            $"PostgreSQL {await server.Execute("SHOW server_version")}, fsync=on, synchronous_commit=on, wal_sync_method={await server.Execute("SHOW wal_sync_method")}, "
            + $"shared_buffers=256MB; Npgsql {typeof(Npgsql.NpgsqlConnection).Assembly.GetName().Version?.ToString(3)}");
        return server;
    }
}
