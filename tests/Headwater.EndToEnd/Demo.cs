using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Headwater.Postgres.Servers;

namespace Headwater.EndToEnd;

/// <summary>demo.sh as a newcomer starts it, with a folder of its own for all that it keeps.</summary>
internal sealed class Demo : IAsyncDisposable
{
    private const int Killed = 9;

    private readonly Process process;
    private readonly Guard guard;
    private readonly StringBuilder output = new();

    private Demo(string folder, int port, string arguments)
    {
        (Folder, Port) = (folder, port);
        // In a session of its own, like a terminal's; the guard ends it if the test's process does not live to.
        process = Process.Start(new ProcessStartInfo("setsid", ["bash", "./demo.sh", .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)])
        {
            WorkingDirectory = Places.Repository,
            RedirectStandardOutput = true,
            Environment =
            {
                ["PORT"] = $"{port}",
                ["HEADWATER_DATA"] = Path.Combine(folder, "data"),
                ["HEADWATER_POSTGRES"] = "",
                ["DEPARTURES_SPEED"] = "0",
                ["TMPDIR"] = folder,
            },
        })!;
        guard = Guard.Start("""kill -TERM "$1" 2>/dev/null""", $"{process.Id}");
    }

    public string Folder { get; }

    public int Port { get; }

    public Uri Address => AddressOf(0);

    /// <summary>Where one of several nodes is found, by its number; they listen on the ports after that of all.</summary>
    public Uri AddressOf(int node) => new($"http://127.0.0.1:{Port + node}");

    /// <summary>Ends one of several nodes as a crash does.</summary>
    public void KillNode(int node) =>
        _ = kill(int.Parse(File.ReadAllText(Directory.GetFiles(Folder, $"node-{node}.pid", SearchOption.AllDirectories).Single()), CultureInfo.InvariantCulture), Killed);

    /// <summary>Starts it, and returns when it has said where it is found.</summary>
    public static async Task<Demo> Start(string arguments, CancellationToken cancel)
    {
        // The server's user must be able to enter it.
        var folder = Directory.CreateTempSubdirectory("demo-").FullName;
        using (var open = Process.Start("chmod", ["755", folder]))
            await open.WaitForExitAsync(cancel);
        var demo = new Demo(folder, FreePort.Next(), arguments);
        while (await demo.process.StandardOutput.ReadLineAsync(cancel) is { } line)
        {
            demo.output.AppendLine(line);
            if (line.EndsWith($"http://127.0.0.1:{demo.Port}", StringComparison.Ordinal))
                return demo;
        }

        await demo.DisposeAsync();
        throw new InvalidOperationException($"The demo ended without saying where it is:{Environment.NewLine}{demo.output}");
    }

    /// <summary>Sends the script a signal and waits for its end.</summary>
    public async Task End(int signal, CancellationToken cancel)
    {
        _ = kill(process.Id, signal);
        await process.WaitForExitAsync(cancel);
    }

    /// <summary>
    /// The processes that are of it: of its session, of the sessions that it began, or in its folder. One that has ended and is only
    /// not yet collected by its parent does not count.
    /// </summary>
    public IReadOnlyList<string> Processes() => [.. Directory.GetDirectories("/proc").Where(IsOfIt).Select(Command).Where(command => command.Length > 0)];

    public async ValueTask DisposeAsync()
    {
        await guard.DisposeAsync();
        process.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Whatever the script starts has its folder in its environment, if not in its arguments.</summary>
    private bool IsOfIt(string folder) => int.TryParse(Path.GetFileName(folder), out _)
        && (Read(Path.Combine(folder, "environ")).Contains(Folder, StringComparison.Ordinal) || Command(folder).Contains(Folder, StringComparison.Ordinal));

    private static string Command(string folder) => Read(Path.Combine(folder, "cmdline")).Replace('\0', ' ');

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has just ended, or is somebody else's.
            return "";
        }
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int kill(int process, int signal);
}
