using System.Diagnostics;
using Headwater.Postgres.Servers;

namespace Headwater.EndToEnd;

/// <summary>The Departures sample as a process of its own, which can be killed and started again on the same data.</summary>
internal sealed class DeparturesServer : IAsyncDisposable
{
    private readonly string data = Directory.CreateTempSubdirectory("departures-").FullName;
    private readonly int port = FreePort.Next();
    private readonly int speed;
    private readonly string postgres;
    private readonly List<string> output = [];
    private Process? process;

    private DeparturesServer(int speed, string postgres) => (this.speed, this.postgres) = (speed, postgres);

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

    /// <param name="speed">Simulated minutes per second; 0 for no replay.</param>
    /// <param name="postgres">How to connect to its database; by default it has a SQLite file of its own.</param>
    public static async Task<DeparturesServer> Start(int speed = 0, string postgres = "")
    {
        var server = new DeparturesServer(speed, postgres);
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
                    ["HEADWATER_POSTGRES"] = postgres,
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
}
