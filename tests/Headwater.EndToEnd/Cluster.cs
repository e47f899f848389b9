using Headwater.Postgres.Servers;

namespace Headwater.EndToEnd;

/// <summary>Three nodes of the sample that share a PostgreSQL database, behind nginx.</summary>
public sealed class Cluster : IAsyncLifetime
{
    private const int Nodes = 3;

    private Nginx nginx = null!;

    /// <summary>Where all of them are found.</summary>
    internal Uri Address => nginx.Address;

    /// <summary>Each of them.</summary>
    internal IReadOnlyList<DeparturesServer> Servers { get; private set; } = [];

    /// <summary>Starts one with a database of its own.</summary>
    /// <param name="speed">Simulated minutes per second; 0 for no replay.</param>
    public static async Task<Cluster> Start(int speed = 0)
    {
        var cluster = new Cluster();
        await cluster.StartNodes(speed);
        return cluster;
    }

    public ValueTask InitializeAsync() => StartNodes(speed: 0);

    public async ValueTask DisposeAsync()
    {
        await nginx.DisposeAsync();
        await Task.WhenAll(Servers.Select(server => server.DisposeAsync().AsTask()));
    }

    private async ValueTask StartNodes(int speed)
    {
        var postgres = await PostgresServer.Shared;
        var database = postgres.ConnectionString(await postgres.CreateDatabase(), "Maximum Pool Size=20");
        Servers = await Task.WhenAll(Enumerable.Range(0, Nodes).Select(_ => DeparturesServer.Start(speed, database)));
        nginx = await Nginx.Start(Servers.Select(server => server.Address));
    }
}
