using System.Diagnostics;
using System.Globalization;
using System.Net;
using Headwater.Postgres.Servers;

namespace Headwater.Proxies;

/// <summary>A real proxy in front of an application, as a process that can be restarted.</summary>
internal sealed class Proxy : IAsyncDisposable
{
    private readonly Site site;
    private readonly string[] command;
    private readonly Guard guard;
    private Process process = null!;

    private Proxy(Site site, string[] command)
    {
        (this.site, this.command) = (site, command);
        guard = Guard.Start("""kill -KILL "-$(cat "$1/pid")" 2>/dev/null; rm -rf "$1" """, site.Folder);
    }

    /// <param name="site">Where it stands.</param>
    /// <param name="command">The program and its arguments, by which it stays in the foreground.</param>
    public static async Task<Proxy> Start(Site site, string[] command)
    {
        var proxy = new Proxy(site, command);
        try
        {
            await proxy.Start();
            return proxy;
        }
        catch
        {
            await proxy.DisposeAsync();
            throw;
        }
    }

    public async Task Start()
    {
        // In a session of its own, so that a signal to the test's process group leaves it to the guard, which ends its workers too.
        process = Process.Start(new ProcessStartInfo("setsid", command)
        {
            WorkingDirectory = site.Folder,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            Environment =
            {
                ["PATH"] = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin",
                ["HOME"] = site.Folder,
                ["XDG_DATA_HOME"] = site.Folder,
                ["XDG_CONFIG_HOME"] = site.Folder,
            },
        })!;
        await File.WriteAllTextAsync(site.InFolder("pid"), process.Id.ToString(CultureInfo.InvariantCulture));
        var output = Task.WhenAll(process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());

        using var client = site.Client(HttpVersion.Version11);
        using var timeUp = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (await pause.WaitForNextTickAsync(timeUp.Token))
        {
            if (process.HasExited)
                throw new InvalidOperationException(
                    $"{command[0]} ended with {process.ExitCode}; ./test.sh installs it if it is missing.\n{string.Concat(await output)}");
            try
            {
                using var response = await client.GetAsync("/health", timeUp.Token);
                if (response.IsSuccessStatusCode)
                    return;
            }
            catch (HttpRequestException)
            {
                // Not yet.
            }
        }
    }

    /// <summary>Asks it to end, and waits until it has.</summary>
    public async Task Stop()
    {
        using var kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        await guard.DisposeAsync();
        process?.Dispose();
        site.Dispose();
    }
}
