using System.Diagnostics;

namespace Headwater.Bench;

/// <summary>
/// A process that is told what to do, a line at a time, and answers each with a line. It ends when nothing more can be told to it,
/// also because this process has ended.
/// </summary>
internal sealed class Child : IAsyncDisposable
{
    private static readonly string bench = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../.."));

    private Child(string program, params IEnumerable<string> arguments) => Process = Process.Start(
        new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;

    public Process Process { get; }

    public static Child Of(string program, params IEnumerable<string> arguments) => new(program, arguments);

    /// <summary>This program again, in a part of a benchmark that needs a process of its own.</summary>
    public static Child Part(string name, params IEnumerable<string> arguments) =>
        new(Path.Combine(AppContext.BaseDirectory, "Headwater.Bench"), [name, .. arguments]);

    public static Child Marten(string connectionString) => new(
        Built("Headwater.Bench.Peers/bin/Release/net10.0/Headwater.Bench.Peers", "dotnet build -c Release bench/Headwater.Bench.Peers"), connectionString);

    public static Child Emmett(string url)
    {
        Built("emmett/node_modules", "npm install --prefix bench/emmett");
        return new("node", Path.Combine(bench, "emmett", "emmett.mjs"), url);
    }

    /// <returns>The answer.</returns>
    /// <exception cref="InvalidOperationException">It ended instead; it has said why on its standard error.</exception>
    public async Task<string> Tell(string line)
    {
        await Process.StandardInput.WriteLineAsync(line);
        await Process.StandardInput.FlushAsync();
        return await Process.StandardOutput.ReadLineAsync()
            ?? throw new InvalidOperationException($"{Process.StartInfo.FileName} ended when it was told '{line}'.");
    }

    public async ValueTask DisposeAsync()
    {
        Process.StandardInput.Close();
        await Process.WaitForExitAsync();
        Process.Dispose();
    }

    private static string Built(string path, string how) =>
        Path.Combine(bench, path) is var whole && Path.Exists(whole) ? whole
            : throw new InvalidOperationException($"{whole} is not there. Say '{how}' first.");
}
