using System.Diagnostics;
using System.Globalization;
using Headwater.Postgres.Servers;

namespace Headwater.EndToEnd;

/// <summary>nginx in front of several nodes, with the configuration of the sample.</summary>
internal sealed class Nginx : IAsyncDisposable
{
    // Started by root, its workers are another user's, who must come to the cache; a folder for temporary files is closed to others.
    private readonly string folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"headwater-nginx-{Guid.NewGuid():n}")).FullName;
    private readonly int port = FreePort.Next();
    private readonly Guard guard;

    private Nginx() => guard = Guard.Start(
        """
        if pid=$(cat "$1/nginx.pid" 2>/dev/null) && kill -TERM "$pid" 2>/dev/null; then
          while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
        fi
        rm -rf "$1"
        """,
        folder);

    public Uri Address => new($"http://127.0.0.1:{port}");

    public static async Task<Nginx> Start(IEnumerable<Uri> nodes)
    {
        var nginx = new Nginx();
        try
        {
            await nginx.Run(nodes);
            return nginx;
        }
        catch
        {
            await nginx.DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync() => guard.DisposeAsync();

    private async Task Run(IEnumerable<Uri> nodes)
    {
        var configuration = Path.Combine(folder, "nginx.conf");
        File.Copy(Path.Combine(Places.Repository, "samples", "Departures", "deploy", "nginx.conf"), configuration);
        await File.WriteAllTextAsync(Path.Combine(folder, "listen.conf"), string.Create(CultureInfo.InvariantCulture, $"listen 127.0.0.1:{port};"));
        await File.WriteAllLinesAsync(
            Path.Combine(folder, "nodes.conf"), nodes.Select(node => $"server {node.Host}:{node.Port} max_fails=1 fail_timeout=1s;"));

        // In a session of its own, so that a signal to the test's process group leaves it to the guard.
        using var start = Process.Start(new ProcessStartInfo("setsid", ["--wait", "nginx", "-p", folder, "-c", configuration])
        {
            Environment = { ["PATH"] = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin" },
        })!;
        await start.WaitForExitAsync();
        Assert.True(start.ExitCode == 0, "nginx did not start; ./test.sh installs it if it is missing.");
    }
}
