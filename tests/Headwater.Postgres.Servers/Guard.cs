using System.Diagnostics;

namespace Headwater.Postgres.Servers;

/// <summary>
/// A small process that clears away what a test has started, once it is told to or the test's process has ended in whatever way:
/// both close the pipe it reads from. It has a session of its own, so that a signal to the test's process group spares it.
/// </summary>
internal sealed class Guard : IAsyncDisposable
{
    private readonly Process process;

    private Guard(Process process) => this.process = process;

    /// <param name="clearing">A shell script for the end.</param>
    /// <param name="arguments">Its <c>$1</c> and so on.</param>
    public static Guard Start(string clearing, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("setsid", ["sh", "-c", $"cat >/dev/null; {clearing}", "guard", .. arguments])
        {
            WorkingDirectory = "/",
            RedirectStandardInput = true,
        };
        return new Guard(Process.Start(start)!);
    }

    /// <summary>Has everything cleared away now.</summary>
    public async ValueTask DisposeAsync()
    {
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
