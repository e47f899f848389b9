using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Headwater.Sqlite.Tests;

/// <summary>
/// This program once more, as another process on the same file: what only another process can show. It appends as it is told
/// and says on its output what was acknowledged.
/// </summary>
internal sealed class SecondProcess : IAsyncDisposable
{
    private const string Variable = "HEADWATER_SECOND_PROCESS";

    private readonly Process process;

    private SecondProcess(Process process) => this.process = process;

    /// <summary>Starts one that appends an event for each line it is given, and answers with the event's id.</summary>
    public static SecondProcess AppendingWhenAsked(string path) => Start(path, "ask");

    /// <summary>Starts one that appends with several callers as fast as it can, and writes the id of each acknowledged event.</summary>
    public static SecondProcess Appending(string path) => Start(path, "loop");

    public async Task<Guid> Append()
    {
        await process.StandardInput.WriteLineAsync("append");
        return Guid.Parse((await ReadLine())!);
    }

    public Task<string?> ReadLine() => process.StandardOutput.ReadLineAsync(Words.Cancel).AsTask();

    /// <summary>Ends it as a crash does, and reads what it had still said.</summary>
    public async Task<string> Kill()
    {
        process.Kill();
        await process.WaitForExitAsync(Words.Cancel);
        return await process.StandardOutput.ReadToEndAsync(Words.Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private static SecondProcess Start(string path, string how)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Headwater.Sqlite.Tests"))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            Environment = { [Variable] = $"{how}:{path}" },
        };
        return new SecondProcess(Process.Start(start)!);
    }

    /// <summary>Does the second process's part, if this is one.</summary>
    public static async Task<bool> RunIfWanted()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } what)
            return false;
        var colon = what.IndexOf(':', StringComparison.Ordinal);
        await Run(what[..colon], what[(colon + 1)..]);
        return true;
    }

    private static async Task Run(string how, string path)
    {
        using var thread = new WriterThread();
        await using var database = new SqliteDatabase(
            path, TimeProvider.System, thread, new Random(), new HeadwaterOptions(), NullLoggerFactory.Instance);
        var store = new SqliteLogStore(database);
        if (how == "ask")
        {
            while (await Console.In.ReadLineAsync() is not null)
                await Append("asked");
        }
        else
        {
            await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(async () =>
            {
                while (true)
                    await Append($"{i}");
            })));
        }

        async Task Append(string key)
        {
            var happened = Words.Event();
            if (await store.Append(Words.Request(key, happened), CancellationToken.None) is AppendResult.Appended)
            {
                lock (Console.Out)
                {
                    Console.WriteLine(happened.Id);
                    Console.Out.Flush();
                }
            }
        }
    }
}
