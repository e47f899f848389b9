using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>Drives one subscriber along the log, from its checkpoint on, until cancelled.</summary>
internal sealed partial class SubscriptionLoop(
    ISubscriber subscriber, Log log, Surroundings surroundings, HeadwaterOptions options, ILogger<SubscriptionLoop> logger)
{
    private readonly Pulse restart = new(surroundings.Waking);
    private volatile SubscriptionProgress progress = new(SubscriptionState.Starting, default, null);
    private volatile bool loadAgain;

    public string Name => subscriber.Name;

    public SubscriptionProgress Progress => progress;

    /// <summary>Reads the checkpoint again, and goes on if the loop had stopped.</summary>
    public void Restart()
    {
        loadAgain = true;
        restart.Beat();
    }

    public async Task Run(CancellationToken cancel)
    {
        var failures = 0;
        var poll = Task.CompletedTask;
        Checkpoint? at = null;
        while (!cancel.IsCancellationRequested)
        {
            var more = log.Tail.Advanced;
            var again = restart.Next;
            try
            {
                if (loadAgain || at is null)
                {
                    loadAgain = false;
                    at = await subscriber.Claim(0, cancel);
                }

                var page = await log.ReadBelowTail(subscriber.Filter, at.Value.Position, options.PageSize, cancel);
                if (page.Next > at.Value.Position)
                {
                    progress = new(SubscriptionState.CatchingUp, at.Value, null);
                    at = await Advance(at.Value, page, cancel);
                }
                else
                {
                    progress = new(SubscriptionState.Live, at.Value, null);
                    if (poll.IsCompleted)
                        poll = surroundings.Delay(options.PollInterval, cancel);
                    await Task.WhenAny(more, again, poll);

                    // Another process may have begun a rebuild and died over it; that is seen by the checkpoint alone.
                    if (poll.IsCompleted)
                        at = null;
                }

                failures = 0;
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
                await again.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }
            catch (Exception e)
            {
                at = null;
                if (failures++ == 0)
                    LogRetrying(logger, e, Name);

                // The text is shown to whoever may see the health, and what a database says names files and servers.
                progress = new(SubscriptionState.Retrying, progress.Checkpoint, "It cannot read or save just now; the log says why.");
                await surroundings.Delay(surroundings.Backoff(failures), cancel)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }
        }
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
            LogRetrying(logger, e, Name);
            await surroundings.Delay(surroundings.Backoff(1), cancel)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        return true;
    }

    [LoggerMessage(10, LogLevel.Error, "Subscription '{Name}' is stopped. Mend its handler and start again, or rebuild it; the others go on.")]
    private static partial void LogStopped(ILogger logger, Exception e, string name);

    [LoggerMessage(11, LogLevel.Warning, "Subscription '{Name}' cannot read or save; it tries again until it can.")]
    private static partial void LogRetrying(ILogger logger, Exception e, string name);

    [LoggerMessage(12, LogLevel.Error, "Subscription '{Name}' skipped an event.")]
    private static partial void LogSkipped(ILogger logger, Exception e, string name);
}

/// <summary>What a subscription's loop is doing.</summary>
internal sealed record SubscriptionProgress(SubscriptionState State, Checkpoint Checkpoint, string? Failure);
