using Headwater;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds Headwater to an application.</summary>
public static class HeadwaterServices
{
    /// <summary>
    /// Adds Headwater: after this, <see cref="Log"/>, <see cref="Decider{TState, TEvent}"/>, <see cref="Subscriptions"/> and
    /// <see cref="FeedRevocation"/> can be injected, and everything starts with the host.
    /// </summary>
    public static IServiceCollection AddHeadwater(this IServiceCollection services, Action<HeadwaterBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        if (services.Any(service => service.ServiceType == typeof(Node)))
            throw new InvalidOperationException("AddHeadwater is called twice; an application has one log. Declare everything in one call.");
        var builder = new HeadwaterBuilder(services);
        configure(builder);

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider => new Node(
            builder, provider, Store<ILogStore>(provider), Store<IReadModelStore>(provider), Store<ICheckpointStore>(provider),
            provider.GetService<IBroadcastSignal>() ?? provider.GetService<ISignal>(), provider.GetService<ILeaseStore>(), Surroundings.Real(provider.GetRequiredService<TimeProvider>()),
            provider.GetRequiredService<ILoggerFactory>(), provider.GetService<IWatermark>()));
        services.AddSingleton(provider => provider.GetRequiredService<Node>().Log);
        services.AddSingleton(provider => provider.GetRequiredService<Node>().Topics
            ?? throw new InvalidOperationException("This application has no topic: declare one with AddTopic(name, ...) inside AddHeadwater."));
        services.AddSingleton(provider => new Subscriptions(provider.GetRequiredService<Node>()));
        services.AddSingleton(_ => new FeedRevocation());
        services.AddHostedService(provider => new HeadwaterHost(provider.GetRequiredService<Node>()));
        return services;
    }

    private static T Store<T>(IServiceProvider provider)
        where T : class =>
        provider.GetService<T>() ?? throw new InvalidOperationException(
            "Headwater has no store: call UseSqlite(path) or UsePostgres(connectionString) inside AddHeadwater, or UseMemory() for a first try.");
}
