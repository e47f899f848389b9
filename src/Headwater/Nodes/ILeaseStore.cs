namespace Headwater;

/// <summary>
/// The port behind leases: which of several nodes runs what. It is optional; where none is registered, each process runs
/// everything. The store's own clock counts, and not those of the nodes.
/// </summary>
public interface ILeaseStore
{
    /// <summary>
    /// Notes that a node is alive, renews what it owns of what it wants, and takes for it what is free or has expired. A lease's
    /// fence grows by one each time it is taken: when its owner changes, or when it had expired or been given up.
    /// </summary>
    /// <param name="node">The node. It counts as alive for the duration.</param>
    /// <param name="wanted">The names of the leases it wants; what it owns beyond them is left to expire.</param>
    /// <param name="duration">How long the leases last from now on.</param>
    /// <param name="cancel">Gives up; it may have been done all the same.</param>
    /// <returns>Everybody alive, and every lease that is owned and has not expired, as they stand afterwards.</returns>
    ValueTask<LeaseTable> Renew(NodeInfo node, IReadOnlyList<string> wanted, TimeSpan duration, CancellationToken cancel);

    /// <summary>Gives up all that a node owns, at once, and forgets the node. A node that is unknown owns nothing.</summary>
    /// <param name="node">The node's id.</param>
    /// <param name="cancel">Gives up; it may have been done all the same.</param>
    ValueTask Release(string node, CancellationToken cancel);
}

/// <summary>A process that runs Headwater.</summary>
/// <param name="Id">Made anew at each start.</param>
/// <param name="Host">The name of its machine.</param>
/// <param name="ProcessId">The number of its process there.</param>
/// <param name="StartedAt">When it was started, by its own clock.</param>
public sealed record NodeInfo(string Id, string Host, int ProcessId, DateTimeOffset StartedAt);

/// <summary>Says which node runs something.</summary>
/// <param name="Name">What it is for: the name of a subscription or projection.</param>
/// <param name="Owner">The id of the node that has it.</param>
/// <param name="Fence">Grows each time the lease is taken; by it a store refuses what a former owner writes late.</param>
/// <param name="ExpiresAt">When it is over if it is not renewed, by the store's clock.</param>
public sealed record Lease(string Name, string Owner, long Fence, DateTimeOffset ExpiresAt);

/// <summary>Who is alive, and who runs what.</summary>
/// <param name="Nodes">The nodes that are alive.</param>
/// <param name="Leases">The leases that are owned and have not expired.</param>
public sealed record LeaseTable(IReadOnlyList<NodeInfo> Nodes, IReadOnlyList<Lease> Leases);
