using System.Net.Http.Json;
using System.Text.Json;
using Headwater.Postgres.Servers;

namespace Headwater.EndToEnd;

/// <summary>Three nodes of the sample that share a PostgreSQL database, behind nginx.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private const int Nodes = 3;

    private readonly Dictionary<string, DeparturesServer> byId = [];
    private Nginx? nginx;

    /// <summary>Where all of them are found.</summary>
    public Uri Address => nginx!.Address;

    /// <summary>Each of them.</summary>
    public IReadOnlyList<DeparturesServer> Servers { get; private set; } = [];

    /// <summary>Starts one with a database of its own.</summary>
    public static async Task<Cluster> Start()
    {
        var cluster = new Cluster();
        try
        {
            var postgres = await PostgresServer.Shared;
            var database = postgres.ConnectionString(await postgres.CreateDatabase(), "Maximum Pool Size=20");
            cluster.Servers = await Task.WhenAll(Enumerable.Range(0, Nodes).Select(_ => DeparturesServer.Start(postgres: database)));
            foreach (var server in cluster.Servers)
                cluster.byId[(await Health(server)).GetProperty("node").GetString()!] = server;
            cluster.nginx = await Nginx.Start(cluster.Servers.Select(server => server.Address));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The node that runs a projection, as the first one says that was started.</summary>
    public async Task<DeparturesServer> OwnerOf(string projection) =>
        await OwnerOf(projection, otherThan: null) ?? throw new InvalidOperationException($"Nobody runs '{projection}'.");

    /// <summary>The node that runs a projection, as one says that is not another; null if that is still the other one, or nobody.</summary>
    public async Task<DeparturesServer?> OwnerOf(string projection, DeparturesServer? otherThan)
    {
        var health = await Health(Servers.First(server => server != otherThan));
        var owner = health.GetProperty("projections").EnumerateArray().Single(each => each.GetProperty("name").GetString() == projection)
            .GetProperty("owner").GetString();
        return owner is not null && byId[owner] != otherThan ? byId[owner] : null;
    }

    public async ValueTask DisposeAsync()
    {
        if (nginx is not null)
            await nginx.DisposeAsync();
        await Task.WhenAll(Servers.Select(server => server.DisposeAsync().AsTask()));
    }

    private static async Task<JsonElement> Health(DeparturesServer server)
    {
        using var http = new HttpClient { BaseAddress = server.Address };
        return await http.GetFromJsonAsync<JsonElement>("/health/detail");
    }
}
