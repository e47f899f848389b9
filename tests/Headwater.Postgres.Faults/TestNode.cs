using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Headwater.Postgres.Faults;

/// <summary>An application with Headwater in it, as one node of several.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    private readonly IHost host;
    private readonly List<Following> followings = [];

    private TestNode(IHost host, LogLines lines)
    {
        this.host = host;
        Lines = lines;
        Log = host.Services.GetRequiredService<Log>();
    }

    public Log Log { get; }

    /// <summary>What it has logged.</summary>
    public LogLines Lines { get; }

    /// <summary>Starts one.</summary>
    /// <param name="connectionString">Where its log is.</param>
    /// <param name="schema">And in which schema.</param>
    /// <param name="projects">Whether it runs the projection <see cref="SeenTable"/>.</param>
    public static async Task<TestNode> Start(string connectionString, string schema, bool projects = false)
    {
        var lines = new LogLines();
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.AddProvider(lines);
        builder.Services.AddSingleton(new SeenTable(schema));
        builder.Services.AddHeadwater(headwater =>
        {
            headwater.UsePostgres(connectionString, schema);
            if (projects)
                headwater.AddSqlProjection<SeenTable>("seen");
        });
        var host = builder.Build();
        await host.StartAsync();
        return new TestNode(host, lines);
    }

    /// <summary>Follows the log until the node ends.</summary>
    public Following Follow(long after = 0)
    {
        var following = new Following(Log, after);
        followings.Add(following);
        return following;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var following in followings)
            await following.DisposeAsync();
        await host.StopAsync();
        await ((IAsyncDisposable)host).DisposeAsync();
    }
}
