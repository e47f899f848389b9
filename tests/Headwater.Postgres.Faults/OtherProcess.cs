using System.Diagnostics;
using System.Globalization;

namespace Headwater.Postgres.Faults;

/// <summary>
/// This program once more, as another process that plays a part in a test and can be killed. It ends with the test's process,
/// whose pipe it reads.
/// </summary>
internal sealed class OtherProcess : IAsyncDisposable
{
    private const string Variable = "HEADWATER_OTHER_PROCESS";

    private readonly Process process;

    private OtherProcess(Process process) => this.process = process;

    /// <summary>Starts one.</summary>
    /// <param name="part">Its part.</param>
    /// <param name="arguments">What it needs for it.</param>
    public static OtherProcess Start(string part, params IEnumerable<string> arguments) => new(Process.Start(
        new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Headwater.Postgres.Faults"), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            Environment = { [Variable] = part },
        })!);

    public int Id => process.Id;

    public Task<string?> ReadLine() => process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask();

    /// <summary>Ends it as a crash does.</summary>
    public async Task Kill()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            await Kill();
        process.Dispose();
    }

    /// <summary>Plays the part, if this is another process.</summary>
    public static async Task<bool> RunIfWanted()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } part)
            return false;
        var arguments = Environment.GetCommandLineArgs()[1..];
        var playing = part switch
        {
            "server" => ServerTests.StartAndSay(),
            "follower" => Follower.Run(arguments[0], arguments[1], long.Parse(arguments[2], CultureInfo.InvariantCulture)),
            "source" => SourceTests.Run(arguments[0], arguments[1]),
            _ => throw new ArgumentException($"There is no part '{part}'."),
        };
        await await Task.WhenAny(playing, Console.In.ReadToEndAsync());
        return true;
    }
}
