using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Headwater.EndToEnd;

/// <summary>The Departures sample as a process of its own, which can be killed and started again on the same data.</summary>
internal sealed class DeparturesServer : IAsyncDisposable
{
    private readonly string data = Directory.CreateTempSubdirectory("departures-").FullName;
    private readonly int port = FreePort();
    private readonly int speed;
    private readonly List<string> output = [];
    private Process? process;

    private DeparturesServer(int speed) => this.speed = speed;

    public Uri Address => new($"http://127.0.0.1:{port}");

    public int ProcessId => process!.Id;

    public string Output
    {
        get
        {
            lock (output)
                return string.Join(Environment.NewLine, output);
        }
    }

    public static async Task<DeparturesServer> Start(int speed = 0)
    {
        var server = new DeparturesServer(speed);
        await server.StartAgain();
        return server;
    }

    /// <summary>Ends the process as a power cut would: nothing of it runs any more.</summary>
    public async Task Kill()
    {
        process!.Kill();
        await process.WaitForExitAsync();
    }

    public async Task StartAgain()
    {
        process = new Process
        {
            StartInfo = new ProcessStartInfo("dotnet", [Places.Departures])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                Environment =
                {
                    ["PORT"] = $"{port}",
                    ["HEADWATER_DATA"] = data,
                    ["DEPARTURES_SPEED"] = $"{speed}",
                },
            },
        };
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await Ready();
    }

    public async ValueTask DisposeAsync()
    {
        if (process is { HasExited: false })
            await Kill();
        process?.Dispose();
        Directory.Delete(data, recursive: true);
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (output)
        {
            output.Add(line.Data ?? "");
            if (output.Count > 200)
                output.RemoveAt(0);
        }
    }

    private async Task Ready()
    {
        using var client = new HttpClient { BaseAddress = Address };
        using var timeUp = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (await pause.WaitForNextTickAsync(timeUp.Token))
        {
            if (process!.HasExited)
                throw new InvalidOperationException($"The server ended with {process.ExitCode}:{Environment.NewLine}{Output}");
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

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
