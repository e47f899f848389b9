using System.Globalization;

namespace Headwater.Postgres.Faults;

/// <summary>Follows the log in another process, which may be killed; the next one goes on behind the last event it told of.</summary>
internal sealed class Follower(string connectionString, string schema) : IAsyncDisposable
{
    private readonly List<Seen> seen = [];
    private OtherProcess? process;
    private Task? listening;

    public IReadOnlyList<Seen> Seen
    {
        get
        {
            lock (seen)
                return [.. seen];
        }
    }

    public long At
    {
        get
        {
            lock (seen)
                return seen.Count == 0 ? 0 : seen[^1].Position;
        }
    }

    /// <summary>Starts the process, and returns once it follows.</summary>
    public async Task Start()
    {
        process = OtherProcess.Start("follower", connectionString, schema, At.ToString(CultureInfo.InvariantCulture));
        Assert.Equal("following", await process.ReadLine());
        listening = Listen(process);
    }

    /// <summary>Ends it in the middle of whatever it does. What it had told of by then counts.</summary>
    public async Task Kill()
    {
        await process!.Kill();
        await listening!;
        await process.DisposeAsync();
        process = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (process is not null)
            await Kill();
    }

    /// <summary>The other process's part.</summary>
    internal static async Task Run(string connectionString, string schema, long after)
    {
        await using var node = await TestNode.Start(connectionString, schema);
        await Console.Out.WriteLineAsync("following");
        await foreach (var page in node.Log.Follow(LogFilter.Everything, new Position(after)))
        {
            foreach (var happened in page.Events)
                await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{happened.Position.Value} {happened.Id} ."));
            await Console.Out.FlushAsync();
        }
    }

    private async Task Listen(OtherProcess from)
    {
        // A last line that was cut off has no dot, and does not count.
        while (await from.ReadLine() is { } line && line.Split(' ') is [var position, var id, "."])
            lock (seen)
                seen.Add(new Seen(long.Parse(position, CultureInfo.InvariantCulture), Guid.Parse(id)));
    }
}
