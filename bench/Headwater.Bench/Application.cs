using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Headwater.Bench;

/// <summary>An application with Headwater.</summary>
internal sealed class Application : IAsyncDisposable
{
    private readonly ServiceProvider services;

    private Application(ServiceProvider services) => this.services = services;

    public T Get<T>()
        where T : notnull => services.GetRequiredService<T>();

    /// <summary>One that appends and does not read: nothing of it runs by itself.</summary>
    public static Application Build(Action<HeadwaterBuilder> configure) =>
        new(new ServiceCollection().AddLogging().AddHeadwater(configure).BuildServiceProvider());

    /// <summary>One that is started as a host would start it.</summary>
    public static async Task<Application> Start(Action<HeadwaterBuilder> configure)
    {
        var application = Build(configure);
        foreach (var hosted in application.services.GetServices<IHostedService>())
            await hosted.StartAsync(CancellationToken.None);
        return application;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var hosted in services.GetServices<IHostedService>())
            await hosted.StopAsync(CancellationToken.None);
        await services.DisposeAsync();
    }
}
