using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Headwater.Postgres.Servers;

namespace Headwater.Brokers.Tests;

/// <summary>A real broker of the test's own, as a process that can be stopped and started again on the same port.</summary>
internal sealed class BrokerServer : IAsyncDisposable
{
    private readonly Func<BrokerServer, string[]> command;
    private readonly string folder = Directory.CreateTempSubdirectory("headwater-broker-").FullName;
    private readonly Guard guard;
    private Process? process;

    private BrokerServer(Func<BrokerServer, string[]> command)
    {
        this.command = command;
        guard = Guard.Start("""kill -KILL "$(cat "$1/pid")" 2>/dev/null; rm -rf "$1" """, folder);
    }

    public int Port { get; } = FreePort.Next();

    /// <summary>Where it tells of itself, if it does so on a port of its own.</summary>
    public int MonitorPort { get; } = FreePort.Next();

    /// <param name="command">The program and its arguments, by which it stays in the foreground.</param>
    public static async Task<BrokerServer> Start(Func<BrokerServer, string[]> command)
    {
        var server = new BrokerServer(command);
        await server.Start();
        return server;
    }

    public async Task Start()
    {
        var asked = command(this);
        process = Process.Start(new ProcessStartInfo("setsid", asked)
        {
            WorkingDirectory = folder,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            Environment = { ["PATH"] = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin" },
        })!;
        await File.WriteAllTextAsync(Path.Combine(folder, "pid"), process.Id.ToString(CultureInfo.InvariantCulture));
        var output = Task.WhenAll(process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());
        using var timeUp = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (await pause.WaitForNextTickAsync(timeUp.Token))
        {
            if (process.HasExited)
                throw new InvalidOperationException(
                    $"{asked[0]} ended with {process.ExitCode}; ./test.sh installs it if it is missing.\n{string.Concat(await output)}");
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, Port, timeUp.Token);
                return;
            }
            catch (SocketException)
            {
                // Not yet.
            }
        }
    }

    /// <summary>Ends it at once.</summary>
    public async Task Kill()
    {
        process!.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        await guard.DisposeAsync();
        process?.Dispose();
    }
}
