using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Headwater.EntityFrameworkCore.Tests;

/// <summary>An application with a shop and a log in one database, started.</summary>
internal sealed class World : IAsyncDisposable
{
    private readonly IHost host;
    private readonly Provider provider;

    private World(IHost host, Provider provider) => (this.host, this.provider) = (host, provider);

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public Log Log => host.Services.GetRequiredService<Log>();

    public IServiceProvider Services => host.Services;

    /// <param name="provider">The database.</param>
    /// <param name="retries">Whether saves that fail with a <see cref="TimeoutException"/> are tried again.</param>
    /// <param name="options">What else the context's options say.</param>
    /// <param name="declare">What else is declared.</param>
    public static async Task<World> Start(
        Provider provider, bool retries = false, Action<DbContextOptionsBuilder>? options = null, Action<HeadwaterBuilder>? declare = null)
    {
        Func<ExecutionStrategyDependencies, IExecutionStrategy>? strategy = retries ? dependencies => new Retrying(dependencies) : null;
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.ClearProviders();
        builder.Services.AddPooledDbContextFactory<Shop>((services, context) =>
        {
            provider.Use(context, strategy);
            context.UseHeadwater(services);
            options?.Invoke(context);
        }, poolSize: 4);
        builder.Services.AddHeadwater(headwater =>
        {
            provider.Keep(headwater);
            headwater.UseJson(ShopJson.Default).AddEvents<OrderEvent>();
            declare?.Invoke(headwater);
        });
        var host = builder.Build();
        await using (var shop = host.Services.GetRequiredService<IDbContextFactory<Shop>>().CreateDbContext())
            await shop.Database.EnsureCreatedAsync(Cancel);
        await host.StartAsync(Cancel);
        return new World(host, provider);
    }

    /// <summary>A context of its own.</summary>
    public Shop Open() => host.Services.GetRequiredService<IDbContextFactory<Shop>>().CreateDbContext();

    /// <summary>The orders that are told of in the log, in its order.</summary>
    public async Task<List<string>> Told() =>
        [.. (await Log.Read(LogFilter.Everything, Position.Start, cancel: Cancel)).Events.Select(happened => ((OrderEvent.Placed)happened.Event).Number)];

    /// <summary>The orders that stand in the table.</summary>
    public async Task<List<string>> Stored()
    {
        await using var shop = Open();
        return await shop.Orders.OrderBy(order => order.Id).Select(order => order.Number).ToListAsync(Cancel);
    }

    /// <summary>How many events the context's own transaction sees.</summary>
    public async Task<int> Seen(Shop shop) =>
        (await shop.Database.SqlQueryRaw<int>(provider.CountEvents).ToListAsync(Cancel))[0];

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync(CancellationToken.None);
        host.Dispose();
        await provider.DisposeAsync();
    }

    /// <summary>What EnableRetryOnFailure does, for a failure that a test can plant.</summary>
    private sealed class Retrying(ExecutionStrategyDependencies dependencies) : ExecutionStrategy(dependencies, 3, TimeSpan.FromMilliseconds(1))
    {
        protected override bool ShouldRetryOn(Exception exception) => exception is TimeoutException;
    }
}
