using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using StackExchange.Redis;

namespace Headwater;

/// <summary>Lets nodes tell each other through Redis what happens.</summary>
public static class HeadwaterRedis
{
    /// <summary>
    /// Tells other nodes through Redis' publish and subscribe that something was appended, in the place of the store's own signal, and
    /// carries topics between nodes. Nothing is kept there. While Redis is away, events are found by the slow poll
    /// (<see cref="HeadwaterOptions.PollInterval"/>), topics are of each node alone, and who follows them is told that something was missed.
    /// </summary>
    /// <param name="headwater">The application's declaration.</param>
    /// <param name="configuration">A configuration of StackExchange.Redis, such as <c>localhost:6379</c>; sharded channels are used on a cluster.</param>
    /// <param name="prefix">What the names of channels begin with; the same for all nodes, and another for another application.</param>
    /// <exception cref="ArgumentException">The configuration cannot be read.</exception>
    public static HeadwaterBuilder UseRedis(this HeadwaterBuilder headwater, string configuration, string prefix = "headwater")
    {
        ArgumentNullException.ThrowIfNull(headwater);
        ArgumentException.ThrowIfNullOrWhiteSpace(configuration);
        ArgumentException.ThrowIfNullOrWhiteSpace(prefix);
        var options = ConfigurationOptions.Parse(configuration);
        headwater.Services.AddSingleton(provider => new RedisChannels(
            options, prefix, Surroundings.Real(provider.GetRequiredService<TimeProvider>()).NewId().ToString("N")));
        headwater.Services.Replace(ServiceDescriptor.Singleton<IBroadcastSignal>(provider => provider.GetRequiredService<RedisChannels>()));
        headwater.Services.Replace(ServiceDescriptor.Singleton<ITopicBroker>(provider => provider.GetRequiredService<RedisChannels>()));
        return headwater;
    }
}
