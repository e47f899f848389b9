namespace Headwater.Tests;

/// <summary>One node's way to the leases: it is watched, and cut where a test wants it to be.</summary>
internal sealed class WatchedLeases(ILeaseStore store) : ILeaseStore
{
    private int renewals;

    /// <summary>How often it was asked, in vain or not.</summary>
    public int Renewals => Volatile.Read(ref renewals);

    public bool IsCut { get; set; }

    public int Released { get; private set; }

    /// <summary>Called before leases are given up.</summary>
    public Action BeforeRelease { get; set; } = () => { };

    public async ValueTask<LeaseTable> Renew(NodeInfo node, IReadOnlyList<string> wanted, TimeSpan duration, CancellationToken cancel)
    {
        try
        {
            return IsCut ? throw new TimeoutException("planted") : await store.Renew(node, wanted, duration, cancel);
        }
        finally
        {
            Interlocked.Increment(ref renewals);
        }
    }

    public ValueTask Release(string node, CancellationToken cancel)
    {
        BeforeRelease();
        Released++;
        return IsCut ? throw new TimeoutException("planted") : store.Release(node, cancel);
    }
}
