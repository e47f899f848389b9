using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using NATS.Client.Core;

namespace Headwater;

/// <summary>Lets nodes tell each other through NATS what happens.</summary>
public static class HeadwaterNats
{
    /// <summary>
    /// Tells other nodes through core NATS that something was appended, in the place of the store's own signal, and carries topics between
    /// nodes. Nothing is kept there. While NATS is away, events are found by the slow poll (<see cref="HeadwaterOptions.PollInterval"/>),
    /// topics are of each node alone, and who follows them is told that something was missed.
    /// </summary>
    /// <param name="headwater">The application's declaration.</param>
    /// <param name="url">One or several servers, such as <c>nats://localhost:4222</c>, separated by commas.</param>
    /// <param name="prefix">What subjects begin with: letters, digits and dashes; the same for all nodes, and another for another application.</param>
    /// <param name="configure">Further settings, such as credentials and TLS.</param>
    /// <exception cref="ArgumentException">The prefix is none.</exception>
    public static HeadwaterBuilder UseNats(
        this HeadwaterBuilder headwater, string url, string prefix = "headwater", Func<NatsOpts, NatsOpts>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(headwater);
        ArgumentException.ThrowIfNullOrWhiteSpace(url);
        if (!Names.IsName(prefix))
            throw new ArgumentException($"'{prefix}' is no prefix: expected lower-case letters, digits and dashes, a letter first.", nameof(prefix));
        var options = NatsOpts.Default with { Url = url, Name = "headwater" };
        options = configure?.Invoke(options) ?? options;
        headwater.Services.AddSingleton(_ => new NatsSubjects(options, prefix));
        headwater.Services.Replace(ServiceDescriptor.Singleton<IBroadcastSignal>(provider => provider.GetRequiredService<NatsSubjects>()));
        headwater.Services.Replace(ServiceDescriptor.Singleton<ITopicBroker>(provider => provider.GetRequiredService<NatsSubjects>()));
        return headwater;
    }
}
