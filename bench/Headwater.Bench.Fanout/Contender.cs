using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Headwater.Bench.Fanout;

/// <summary>A server on the first processor, and on the second what connects to it and publishes.</summary>
internal sealed class Contender : IAsyncDisposable
{
    // The kernel counts in hundredths of a second.
    private const double MicrosPerTick = 10_000;

    private readonly Process server;
    private Child? load;

    private Contender(string name, Func<int, ProcessStartInfo> start)
    {
        Name = name;
        using (var listener = new TcpListener(IPAddress.Loopback, 0))
        {
            listener.Start();
            Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        var program = start(Port);
        server = Process.Start(new ProcessStartInfo("taskset", ["-c", "0", program.FileName, .. program.ArgumentList]))!;
    }

    public string Name { get; }

    public int Port { get; }

    public List<Round> Locks { get; } = [];

    public List<Round> Floods { get; } = [];

    public List<Round> Steady { get; } = [];

    /// <summary>Kilobytes of the server's memory for each connection that is idle.</summary>
    public double IdleKilobytes { get; private set; }

    public TimeSpan Connecting { get; private set; }

    public static async Task<Contender> Start(string name, int connections, Func<int, ProcessStartInfo> start, params IEnumerable<string> request)
    {
        var contender = new Contender(name, start);
        await contender.Connect(connections, request);
        return contender;
    }

    public async Task<Round> Measure(string order)
    {
        var before = Ticks(server.Id);
        var answer = (await load!.Tell(order)).Split(' ');
        var micros = (Ticks(server.Id) - before) * MicrosPerTick;
        var deliveries = long.Parse(answer[1], CultureInfo.InvariantCulture);
        return new Round(micros / deliveries, deliveries / double.Parse(answer[2], CultureInfo.InvariantCulture), int.Parse(answer[3], CultureInfo.InvariantCulture), int.Parse(answer[4], CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        if (load is not null)
            await load.DisposeAsync();
        server.Kill();
        await server.WaitForExitAsync();
        server.Dispose();
    }

    private async Task Connect(int connections, IEnumerable<string> request)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync(IPAddress.Loopback, Port);
                break;
            }
            catch (SocketException) when (attempt < 200 && !server.HasExited)
            {
                await Task.Delay(50);
            }
        }

        var before = Resident(server.Id);
        load = Child.Of("taskset", ["-c", "1", Path.Combine(AppContext.BaseDirectory, "load"), $"{Port}", $"{connections}", .. request]);
        var answer = (await load.Tell("connect")).Split(' ');
        Connecting = TimeSpan.FromSeconds(double.Parse(answer[1], CultureInfo.InvariantCulture));
        IdleKilobytes = (Resident(server.Id) - before) / 1024.0 / connections;
    }

    private static IEnumerable<int> Family(int process) => Directory.EnumerateDirectories("/proc").Select(Path.GetFileName)
        .Where(name => int.TryParse(name, out var id) && (id == process || Stat(id) is { } stat && stat[1] == process.ToString(CultureInfo.InvariantCulture)))
        .Select(name => int.Parse(name!, CultureInfo.InvariantCulture));

    private static long Ticks(int process) => Family(process).Sum(id => Stat(id) is { } stat
        ? long.Parse(stat[11], CultureInfo.InvariantCulture) + long.Parse(stat[12], CultureInfo.InvariantCulture) : 0);

    private static long Resident(int process) => Family(process).Sum(id => Stat(id) is { } stat
        ? long.Parse(stat[21], CultureInfo.InvariantCulture) * Environment.SystemPageSize : 0);

    /// <summary>What the kernel says of a process, from its state on.</summary>
    private static string[]? Stat(int id)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{id}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }
}

/// <summary>The server's processor time for each delivery, how many there were in a second, and how long they took.</summary>
internal readonly record struct Round(double Micros, double Rate, int MedianMicros, int SlowMicros);
