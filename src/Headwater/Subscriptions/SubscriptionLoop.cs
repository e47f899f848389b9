using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>
/// Drives one subscriber along the log, from its checkpoint on, until cancelled; where there are leases, only while this node has
/// the subscriber's.
/// </summary>
internal sealed partial class SubscriptionLoop(
    ISubscriber subscriber, Log log, Leases? leases, Surroundings surroundings, HeadwaterOptions options, ILogger<SubscriptionLoop> logger)
{
    private readonly Trouble trouble = new(surroundings);
    private readonly Pulse restart = new(surroundings.Waking);
    private volatile SubscriptionProgress progress = new(SubscriptionState.Starting, default, null);
    private volatile bool loadAgain;

    public string Name => subscriber.Name;

    public SubscriptionProgress Progress => progress;

    /// <summary>Whether one node at a time runs it.</summary>
    public bool IsLeased => leases is not null;

    /// <summary>Reads the checkpoint again, and goes on if the loop had stopped.</summary>
    public void Restart()
    {
        loadAgain = true;
        restart.Beat();
    }

    /// <summary>Where the subscriber stands, whoever drives it.</summary>
    public ValueTask<Checkpoint> Stored(CancellationToken cancel) => subscriber.Claim(0, cancel);

    public Task Run(CancellationToken cancel) => leases is null ? Drive(null, cancel) : DriveWhileHeld(leases, cancel);

    private async Task DriveWhileHeld(Leases from, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var changed = from.Changed;
            if (from.Held(Name) is { } lease)
            {
                using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, lease.Over);
                await Drive(lease, either.Token);
            }
            else
            {
                // Whatever was said of it is the next owner's now.
                trouble.IsOver(out _);
                progress = progress with { State = SubscriptionState.Standby, Failure = null };
                await changed.WaitAsync(cancel).Quietly();
            }
        }
    }

    private async Task Drive(HeldLease? lease, CancellationToken cancel)
    {
        var poll = Task.CompletedTask;
        Checkpoint? at = null;
        while (!cancel.IsCancellationRequested && lease is not { IsOver: true })
        {
            var more = log.Tail.Advanced;
            var again = restart.Next;
            try
            {
                if (loadAgain || at is null)
                {
                    loadAgain = false;
                    at = await subscriber.Claim(lease?.Fence ?? 0, cancel);
                    if (lease is not null && at.Value.Fence > lease.Fence)
                    {
                        await StandBy(at.Value, lease, cancel);
                        at = null;
                        continue;
                    }
                }

                var page = await log.ReadBelowTail(subscriber.Filter, at.Value.Position, options.PageSize, cancel);
                if (page.Next > at.Value.Position)
                {
                    progress = new(SubscriptionState.CatchingUp, at.Value, null);
                    at = await Advance(at.Value, page, cancel);
                    Works();
                }
                else
                {
                    Works();
                    progress = new(SubscriptionState.Live, at.Value, null);
                    if (poll.IsCompleted)
                        poll = surroundings.Delay(options.PollInterval, cancel);
                    await Task.WhenAny(more, again, poll);

                    // Another process may have begun a rebuild and died over it; that is seen by the checkpoint alone.
                    if (poll.IsCompleted)
                        at = null;
                }
            }
            catch (Exception) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (EventHandlingException e)
            {
                at = null;
                if (await Skipped(e, cancel))
                    continue;
                progress = new(SubscriptionState.Stopped, e.Before, e.Message);
                LogStopped(logger, e, Name);
                Telemetry.Failed(Name);
                await again.WaitAsync(cancel).Quietly();
            }
            catch (Exception e)
            {
                at = null;

                // The text is shown to whoever may see the health, and what a database says names files and servers.
                progress = new(SubscriptionState.Retrying, progress.Checkpoint, "It cannot read or save just now; the log says why.");
                await Retry(e, cancel);
            }
        }
    }

    private void Works()
    {
        if (trouble.IsOver(out var failures))
            LogRecovered(logger, Name, failures);
    }

    private async Task Retry(Exception e, CancellationToken cancel)
    {
        if (trouble.Occurs())
            LogRetrying(logger, e, Name);
        await surroundings.Delay(trouble.Backoff, cancel).Quietly();
    }

    /// <summary>
    /// Somebody has claimed with a higher fence. Usually that is the lease's next owner, and this node is about to learn that its
    /// own is over; it has nothing to write until then.
    /// </summary>
    private async ValueTask StandBy(Checkpoint at, HeldLease lease, CancellationToken cancel)
    {
        LogFenced(logger, Name, at.Fence, lease.Fence);
        progress = new(SubscriptionState.Standby, at, null);
        await surroundings.Delay(options.PollInterval, cancel);
    }

    /// <summary>Handles a page; null says that the checkpoint must be read again, because another process moved it.</summary>
    private async ValueTask<Checkpoint?> Advance(Checkpoint from, LogPage page, CancellationToken cancel)
    {
        if (!await subscriber.Handle(from, page, cancel))
            return null;
        Telemetry.Handled(Name, page.Events.Count);
        var at = @from with { Position = page.Next };
        progress = new(SubscriptionState.CatchingUp, at, null);
        return at;
    }

    private async ValueTask<bool> Skipped(EventHandlingException failure, CancellationToken cancel)
    {
        if (subscriber.OnError is not ErrorPolicy.Skip)
            return false;
        try
        {
            // From exactly there: if it was moved meanwhile, by a rebuild or another process, nothing else may be passed over.
            if (await subscriber.Skip(failure.Before, failure.Happened, failure.Message, cancel))
            {
                LogSkipped(logger, failure, Name);
                Telemetry.Failed(Name);
            }
        }
        catch (Exception) when (cancel.IsCancellationRequested)
        {
            // The end: what was not recorded is handled again at the next start.
        }
        catch (Exception e)
        {
            // The event comes again, and with it the chance to record the skip.
            await Retry(e, cancel);
        }

        return true;
    }

    [LoggerMessage(10, LogLevel.Error, "Subscription '{Name}' is stopped. Mend its handler and start again, or rebuild it; the others go on.")]
    private static partial void LogStopped(ILogger logger, Exception e, string name);

    [LoggerMessage(11, LogLevel.Warning, "Subscription '{Name}' cannot read or save; it tries again until it can.")]
    private static partial void LogRetrying(ILogger logger, Exception e, string name);

    [LoggerMessage(14, LogLevel.Information, "Subscription '{Name}' reads and saves again, after {Failures} failed attempts.")]
    private static partial void LogRecovered(ILogger logger, string name, int failures);

    [LoggerMessage(13, LogLevel.Warning,
        "Subscription '{Name}' is claimed with fence {Claimed}, and this node's lease has {Fence}: another node runs it. "
        + "If no other does, the leases were emptied by hand; give them a fence above {Claimed}.")]
    private static partial void LogFenced(ILogger logger, string name, long claimed, long fence);

    [LoggerMessage(12, LogLevel.Error, "Subscription '{Name}' skipped an event.")]
    private static partial void LogSkipped(ILogger logger, Exception e, string name);
}

/// <summary>What a subscription's loop is doing.</summary>
internal sealed record SubscriptionProgress(SubscriptionState State, Checkpoint Checkpoint, string? Failure);
