using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Headwater.EndToEnd;

/// <summary>The demo as a newcomer starts it.</summary>
public sealed class DemoTests
{
    private const int Terminate = 15;

    [Fact]
    public async Task It_answers_and_leaves_nothing_behind_when_it_is_interrupted()
    {
        using var timeUp = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        var data = Directory.CreateTempSubdirectory("demo-").FullName;
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();

        using var demo = Process.Start(new ProcessStartInfo("setsid", ["bash", "./demo.sh"])
        {
            WorkingDirectory = Places.Repository,
            RedirectStandardOutput = true,
            Environment = { ["PORT"] = $"{port}", ["HEADWATER_DATA"] = data, ["DEPARTURES_SPEED"] = "0" },
        })!;
        try
        {
            while (await demo.StandardOutput.ReadLineAsync(timeUp.Token) is { } line && !line.Contains($":{port}", StringComparison.Ordinal))
            {
            }

            using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}") };
            Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/health", timeUp.Token)).StatusCode);
            Assert.Contains("<title>", await http.GetStringAsync("/", timeUp.Token), StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(data, "departures.db")));
        }
        finally
        {
            _ = kill(demo.Id, Terminate);
            await demo.WaitForExitAsync(timeUp.Token);
        }

        Assert.False(await SessionHasProcesses(demo.Id), "Processes of the demo are left.");
        Directory.Delete(data, recursive: true);
    }

    /// <summary>One that has ended and is only not yet collected by its parent does not count.</summary>
    private static async Task<bool> SessionHasProcesses(int session)
    {
        using var ps = Process.Start(new ProcessStartInfo("ps", ["-s", $"{session}", "-o", "stat="]) { RedirectStandardOutput = true })!;
        return (await ps.StandardOutput.ReadToEndAsync()).Split('\n').Any(state => state.Length > 0 && !state.StartsWith('Z'));
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int kill(int process, int signal);
}
