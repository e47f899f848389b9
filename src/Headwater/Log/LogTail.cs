using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>
/// The one reader of the store's end in this process. It keeps the newest events in memory and wakes those who wait for
/// more, so that an event is read and decoded once, whatever the number of cursors.
/// </summary>
internal sealed partial class LogTail(
    ILogStore store, ISignal? signal, EventTypes types, HeadwaterOptions options, Surroundings surroundings, ILogger<LogTail> logger)
{
    private readonly Ring<RecordedEvent> ring = new(options.TailEvents, options.TailBytes);
    private readonly Pulse appended = new(surroundings.Waking);
    private readonly Pulse advanced = new(surroundings.Waking);
    private readonly TaskCompletionSource ready = new(surroundings.Waking);
    private readonly Trouble unreadable = new(surroundings);
    private readonly Trouble unheard = new(surroundings);
    private volatile string epoch = "";
    private long position;

    /// <summary>Identifies the log.</summary>
    public string Epoch => epoch;

    /// <summary>Everything at or below it has been read.</summary>
    public Position Position => new(Volatile.Read(ref position));

    /// <summary>Whether the store cannot be read just now.</summary>
    public bool IsFailing => unreadable.IsNow;

    /// <summary>Completes once the tail has found the end of the log.</summary>
    public Task Ready => ready.Task;

    /// <summary>Completes when the tail goes beyond where it is now. Take it before looking.</summary>
    public Task Advanced => advanced.Next;

    /// <summary>Completes when this process has appended something. Take it before looking.</summary>
    public Task Appended => appended.Next;

    /// <summary>Beats when another process may have done something, be it an append or the work of a projection.</summary>
    public Pulse Hinted { get; } = new(surroundings.Waking);

    /// <summary>Something was appended by this process.</summary>
    public void Ring() => appended.Beat();

    /// <summary>Copies the events above a position that the tail still holds.</summary>
    /// <returns>False if some have left the tail; then the store must be read.</returns>
    public bool TryRead(Position after, int limit, List<RecordedEvent> into) => ring.TryCopy(after, limit, into);

    /// <summary>The event at a position, if the tail still holds it: the one instance that all readers share.</summary>
    public RecordedEvent? Find(Position at) => ring.Find(at);

    /// <summary>How long the first event above a position has been there; zero if there is none. At least so long, if it has left the tail.</summary>
    public TimeSpan AgeAfter(Position after)
    {
        var events = new List<RecordedEvent>();
        if (!ring.TryCopy(after, 1, events))
            ring.TryCopy(ring.Floor, 1, events);
        var age = events.Count == 0 ? TimeSpan.Zero : surroundings.Time.GetUtcNow() - events[0].RecordedAt;
        return age > TimeSpan.Zero ? age : TimeSpan.Zero;
    }

    /// <summary>Follows the store's end until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        var (hinted, poll) = (Task.CompletedTask, Task.CompletedTask);
        while (!cancel.IsCancellationRequested)
        {
            // Both are taken before the look, so that what comes between the look and the wait is not lost.
            var own = appended.Next;
            if (hinted.IsCompleted && signal is not null)
                hinted = WaitForHint(signal, cancel);
            try
            {
                if (!ready.Task.IsCompleted)
                    await Begin(cancel);

                var page = await store.Read(new(LogFilter.Everything, Position, Position.Max, options.PageSize), cancel);
                Take(page);
                if (unreadable.IsOver(out var failures))
                    LogRecovered(logger, failures);
                if (page.Events.Count == options.PageSize)
                    continue;
            }
            catch (Exception) when (cancel.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e)
            {
                if (unreadable.Occurs())
                    LogFailed(logger, e);
                await surroundings.Delay(unreadable.Backoff, cancel).Quietly();
                continue;
            }

            // One poll at a time: under load the tail is woken thousands of times before it is due.
            if (poll.IsCompleted)
                poll = surroundings.Delay(options.PollInterval, cancel);
            await Task.WhenAny(own, signal is null ? own : hinted, poll).Quietly();
        }

        // The signal is taken down next, and must not be in use then.
        await hinted.Quietly();
    }

    /// <summary>Finds the end of the log, and goes back by what the tail may hold, for those who come back after a restart.</summary>
    private async Task Begin(CancellationToken cancel)
    {
        var head = await store.Head(cancel);
        epoch = head.Epoch;
        var from = new Position(Math.Max(0, head.Position.Value - options.TailEvents));
        ring.Restart(from);
        Volatile.Write(ref position, from.Value);
        while (Position < head.Position)
        {
            var page = await store.Read(new(LogFilter.Everything, Position, head.Position, options.PageSize), cancel);

            // Where a slow appender holds the end back again, the rest is read once it is done.
            if (page.Next <= Position)
                break;
            Take(page);
        }

        ready.TrySetResult();
    }

    private void Take(LogPage page)
    {
        if (page.Next <= Position)
            return;
        foreach (var happened in page.Events)
        {
            happened.Types = types;
            ring.Add(happened);
        }

        Volatile.Write(ref position, page.Next.Value);
        advanced.Beat();
    }

    /// <summary>Hears a further signal until cancelled.</summary>
    public async Task Hear(ISignal further, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
            await WaitForHint(further, cancel).Quietly();
    }

    private async Task WaitForHint(ISignal from, CancellationToken cancel)
    {
        try
        {
            await from.Wait(cancel);
            Hinted.Beat();
            if (unheard.IsOver(out var failures))
                LogSignalRecovered(logger, failures);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            // Without hints the slow poll goes on; waiting here keeps a broken signal from becoming a busy loop.
            if (unheard.Occurs())
                LogSignalFailed(logger, e);
            await surroundings.Delay(options.PollInterval, cancel);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The log cannot be read; readers wait while this is tried again.")]
    private static partial void LogFailed(ILogger logger, Exception e);

    [LoggerMessage(2, LogLevel.Information, "The log can be read again, after {Failures} failed attempts.")]
    private static partial void LogRecovered(ILogger logger, int failures);

    [LoggerMessage(3, LogLevel.Warning, "Hints from other processes cannot be received; their events are found by polling.")]
    private static partial void LogSignalFailed(ILogger logger, Exception e);

    [LoggerMessage(6, LogLevel.Information, "Hints from other processes are received again, after {Failures} failed attempts.")]
    private static partial void LogSignalRecovered(ILogger logger, int failures);
}
