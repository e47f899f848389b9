using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Headwater.Bench;

/// <summary>A folder that goes when the measurement is done.</summary>
internal sealed class Scratch : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("headwater-bench-").FullName;

    public string Path => System.IO.Path.Combine(folder, "log.db");

    public void Dispose() => Directory.Delete(folder, recursive: true);
}

/// <summary>An application with Headwater, started as a host would start it.</summary>
internal sealed class Application : IAsyncDisposable
{
    private readonly ServiceProvider services;

    private Application(ServiceProvider services) => this.services = services;

    public T Get<T>()
        where T : notnull => services.GetRequiredService<T>();

    public static async Task<Application> Start(Action<HeadwaterBuilder> configure)
    {
        var application = new Application(new ServiceCollection().AddLogging().AddHeadwater(configure).BuildServiceProvider());
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
