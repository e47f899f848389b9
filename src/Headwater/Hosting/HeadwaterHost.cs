using Microsoft.Extensions.Hosting;

namespace Headwater;

/// <summary>Starts the node before the application takes requests, and stops it with the application.</summary>
internal sealed class HeadwaterHost(Node node) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => node.Start(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => node.Stop();
}
