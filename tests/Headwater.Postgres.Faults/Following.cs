namespace Headwater.Postgres.Faults;

/// <summary>Follows the log and keeps what it is given.</summary>
internal sealed class Following : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly List<Seen> seen = [];
    private readonly Task running;

    public Following(Log log, long after) => running = Run(log, after);

    public IReadOnlyList<Seen> Seen
    {
        get
        {
            lock (seen)
                return [.. seen];
        }
    }

    public bool HasSeen(Guid id)
    {
        lock (seen)
            return seen.FindLastIndex(each => each.Id == id) >= 0;
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stop.Dispose();
    }

    private async Task Run(Log log, long after)
    {
        await foreach (var page in log.Follow(LogFilter.Everything, new Position(after), stop.Token))
            lock (seen)
                seen.AddRange(page.Events.Select(happened => new Seen(happened.Position.Value, happened.Id)));
    }
}
