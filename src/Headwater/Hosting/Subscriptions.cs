namespace Headwater;

/// <summary>Shows what subscriptions and projections are doing, and lets an operator act on them.</summary>
public sealed class Subscriptions
{
    private readonly Node node;

    internal Subscriptions(Node node) => this.node = node;

    /// <summary>What each of them is doing, and how far it is behind.</summary>
    public ValueTask<IReadOnlyList<SubscriptionStatus>> Status(CancellationToken cancel = default) => node.Status(cancel);

    /// <summary>The events one of them passed over, newest first.</summary>
    public ValueTask<IReadOnlyList<SkippedEvent>> Skipped(string name, int limit = 100, CancellationToken cancel = default) =>
        node.Skipped(name, limit, cancel);

    /// <summary>Lets a stopped one try again where it stands, after its handler was mended.</summary>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    /// <exception cref="InvalidOperationException">Another node runs it; it can be restarted there.</exception>
    public void Restart(string name) => node.Restart(name);

    /// <summary>Empties a projection and builds it again from the first event. Its followers get one reset.</summary>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public ValueTask Rebuild(string name, CancellationToken cancel = default) => node.Rebuild(name, cancel);
}
