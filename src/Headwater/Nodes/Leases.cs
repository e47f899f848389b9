using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>
/// The leases of this node: it asks for all it wants, again and again, and tells the loops of this process what they may run.
/// When the store cannot be reached, what the node has goes on until it is over by the clock.
/// </summary>
internal sealed partial class Leases(
    ILeaseStore store, NodeInfo self, IReadOnlyList<string> names, HeadwaterOptions options, Surroundings surroundings, ILogger<Leases> logger)
{
    private readonly Pulse changed = new(surroundings.Waking);
    private readonly Trouble trouble = new(surroundings);
    private volatile Dictionary<string, HeldLease> held = [];     // never changed, only replaced
    private volatile Answer? last;
    private bool mayOwn;

    /// <summary>This node.</summary>
    public NodeInfo Self => self;

    /// <summary>Whether the leases cannot be renewed just now.</summary>
    public bool IsFailing => trouble.IsNow;

    /// <summary>Completes when this node has got a lease. Take it before looking.</summary>
    public Task Changed => changed.Next;

    /// <summary>The nodes that are alive, this one included; none if the store has not answered lately.</summary>
    public IReadOnlyList<NodeInfo> Nodes => Lately?.Nodes ?? [];

    private LeaseTable? Lately => last is { } answer && surroundings.Time.GetElapsedTime(answer.Asked) < options.LeaseDuration ? answer.Table : null;

    /// <summary>The lease of that name, if this node has it.</summary>
    public HeldLease? Held(string name) => held.TryGetValue(name, out var lease) && !lease.IsOver ? lease : null;

    /// <summary>The id of the node that runs something, or null if nobody does or the store has not answered lately.</summary>
    public string? OwnerOf(string name) => Lately?.Leases.FirstOrDefault(lease => lease.Name == name)?.Owner;

    /// <summary>Renews until cancelled. What the node has then goes on until it is over, or is released.</summary>
    public async Task Run(CancellationToken cancel)
    {
        mayOwn = true;
        while (!cancel.IsCancellationRequested)
        {
            // Three attempts for each duration, so that one that fails costs nothing.
            var (asked, pause) = (surroundings.Time.GetTimestamp(), options.LeaseDuration / 3);
            try
            {
                await Renew(asked, cancel);
                if (trouble.IsOver(out var failures))
                    LogRecovered(logger, failures);
            }
            catch (Exception) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (trouble.Occurs())
                    LogFailed(logger, e);
                pause = trouble.Backoff is var backoff && backoff < pause ? backoff : pause;
                asked = surroundings.Time.GetTimestamp();
            }

            pause -= surroundings.Time.GetElapsedTime(asked);
            await surroundings.Delay(pause > TimeSpan.Zero ? pause : TimeSpan.Zero, cancel).Quietly();
        }
    }

    /// <summary>Gives up everything, so that others need not wait until it is over. Only for when nothing runs any more.</summary>
    public async ValueTask Release()
    {
        if (!mayOwn)
            return;
        mayOwn = false;
        using var patience = new CancellationTokenSource(options.LeaseDuration, surroundings.Time);
        try
        {
            await store.Release(self.Id, patience.Token);
        }
        catch (Exception e)
        {
            LogNotReleased(logger, e, options.LeaseDuration);
        }
    }

    private async ValueTask Renew(long asked, CancellationToken cancel)
    {
        // An answer that comes later than this is worth nothing.
        using var patience = new CancellationTokenSource(options.LeaseDuration, surroundings.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, patience.Token);
        var table = await store.Renew(self, names, options.LeaseDuration, either.Token);
        last = new Answer(table, asked);

        var mine = table.Leases.Where(lease => lease.Owner == self.Id && names.Contains(lease.Name)).ToDictionary(lease => lease.Name);
        foreach (var (name, lease) in held.Where(each => !mine.ContainsKey(each.Key)))
        {
            lease.End();
            LogLost(logger, name, lease.Fence);
        }

        held = mine.ToDictionary(each => each.Key, each => Renewed(each.Value, asked));
        changed.Beat();
    }

    private HeldLease Renewed(Lease lease, long asked)
    {
        // One that was over by the clock is begun anew, even if the store has kept it: its loop has ended.
        if (held.TryGetValue(lease.Name, out var known) && known.Fence == lease.Fence && !known.IsOver)
        {
            known.Renew(asked);
            return known;
        }

        known?.End();
        var taken = new HeldLease(
            lease.Fence, options.LeaseDuration, new CancellationTokenSource(Timeout.InfiniteTimeSpan, surroundings.Time), surroundings);
        taken.Renew(asked);
        LogTaken(logger, lease.Name, lease.Fence);
        return taken;
    }

    private sealed record Answer(LeaseTable Table, long Asked);

    [LoggerMessage(50, LogLevel.Information, "This node runs '{Name}' from now on (fence {Fence}).")]
    private static partial void LogTaken(ILogger logger, string name, long fence);

    [LoggerMessage(51, LogLevel.Warning, "This node runs '{Name}' no longer: its lease (fence {Fence}) was not renewed in time, and another node has it.")]
    private static partial void LogLost(ILogger logger, string name, long fence);

    [LoggerMessage(52, LogLevel.Warning, "The leases cannot be renewed; it is tried again, and what this node runs ends when they are over.")]
    private static partial void LogFailed(ILogger logger, Exception e);

    [LoggerMessage(53, LogLevel.Information, "The leases can be renewed again, after {Failures} failed attempts.")]
    private static partial void LogRecovered(ILogger logger, int failures);

    [LoggerMessage(54, LogLevel.Warning, "The leases could not be given up; other nodes go on in at most {Duration}.")]
    private static partial void LogNotReleased(ILogger logger, Exception e, TimeSpan duration);
}
