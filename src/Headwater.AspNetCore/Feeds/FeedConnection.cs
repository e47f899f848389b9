namespace Headwater.AspNetCore;

/// <summary>One open connection: how long its client may be served, what it follows, and what went over it.</summary>
internal sealed class FeedConnection : IDisposable
{
    private static readonly KeyValuePair<string, object?> sse = Tag(Transports.Sse);

    // Timers take no longer times than 49 days.
    private const double LongestPause = 3600;

    private readonly Node node;
    private readonly FeedConnections all;
    private readonly KeyValuePair<string, object?> tag;
    private readonly string? user;
    private readonly string? address;
    private volatile FeedSession[] sessions = [];
    private int subscriptions;
    private long bytes;
    private long deliveries;
    private double unpaid;      // bytes beyond what the time since then has paid for
    private long paidAt;

    /// <exception cref="ProblemException">There are too many already.</exception>
    public FeedConnection(Node node, FeedConnections all, string transport, Caller caller, ConnectionLife life)
    {
        (this.node, this.all, Transport, Life) = (node, all, transport, life);
        (user, address) = (caller.Identity, caller.Address);
        tag = Tag(transport);
        OpenedAt = node.Time.GetUtcNow();
        paidAt = node.Time.GetTimestamp();
        all.Limits.Take(user, address, connections: 1, subscriptions: 0);
        Telemetry.Connections.Add(1, tag);
        all.Add(this);
    }

    public string Transport { get; }

    public ConnectionLife Life { get; }

    public DateTimeOffset OpenedAt { get; }

    public long Bytes => Interlocked.Read(ref bytes);

    public long Deliveries => Interlocked.Read(ref deliveries);

    /// <summary>What its client follows, each feed at its place.</summary>
    public IEnumerable<(Feed Feed, Position At)> Standing => sessions.SelectMany(session => session.Standing);

    /// <summary>Counts feeds that the client wants to follow, before they are.</summary>
    /// <exception cref="ProblemException">It is too many for its user or its address.</exception>
    public void Subscribe(int feeds)
    {
        all.Limits.Take(user, address, connections: 0, feeds);
        Interlocked.Add(ref subscriptions, feeds);
    }

    /// <summary>Gives back feeds that were counted and are followed no more.</summary>
    public void Unsubscribe(int feeds)
    {
        all.Limits.Release(user, address, connections: 0, feeds);
        Interlocked.Add(ref subscriptions, -feeds);
    }

    /// <summary>The client is served from a session, until it is of another or the connection ends. One that has several gives them all.</summary>
    public void Follows(params FeedSession[] now) => sessions = now;

    /// <summary>So many bytes were handed to the way out.</summary>
    public void Wrote(long count)
    {
        Interlocked.Add(ref bytes, count);
        Telemetry.DeliveredBytes.Add(count, tag);
        if (node.Options.MaxBytesPerSecond > 0)
            unpaid = Unpaid() + count;
    }

    /// <summary>How long nothing more may be written, because a second's bytes are out already. Whoever writes asks.</summary>
    public TimeSpan Pause()
    {
        var perSecond = node.Options.MaxBytesPerSecond;
        return perSecond > 0 && Unpaid() is var bytesOut && bytesOut > perSecond ? TimeSpan.FromSeconds(Math.Min(bytesOut / perSecond - 1, LongestPause)) : TimeSpan.Zero;
    }

    /// <summary>Items were handed to the way out.</summary>
    /// <param name="items">All of a page.</param>
    /// <param name="isLive">Whether the client had caught up and did not make us wait, so that the time this took was ours.</param>
    public void Delivered(IReadOnlyList<FeedItem> items, bool isLive)
    {
        if (items.Count == 0)
            return;
        Interlocked.Add(ref deliveries, items.Count);
        Told(node, items, 1, isLive, tag);
    }

    /// <summary>The same items were handed to the ways out of many at once, who had all caught up.</summary>
    /// <param name="node">Time and the log.</param>
    /// <param name="items">The items.</param>
    /// <param name="connections">How many connections.</param>
    /// <param name="length">How many bytes for each.</param>
    public static void Delivered(Node node, IReadOnlyList<FeedItem> items, int connections, int length)
    {
        Telemetry.DeliveredBytes.Add((long)connections * length, sse);
        Told(node, items, connections, isLive: true, sse);
    }

    /// <summary>It was one of those.</summary>
    public void Counted(int items, int length)
    {
        Interlocked.Add(ref deliveries, items);
        Interlocked.Add(ref bytes, length);
    }

    /// <summary>It is ended because of the client.</summary>
    public static void Dropped(string reason) => Telemetry.Drops.Add(1, new KeyValuePair<string, object?>("headwater.drop.reason", reason));

    public void Dispose()
    {
        all.Remove(this);
        all.Limits.Release(user, address, connections: 1, subscriptions);
        Telemetry.Connections.Add(-1, tag);
        if (Life.End is { } end)
            Dropped(end.Reason);
    }

    private static KeyValuePair<string, object?> Tag(string transport) => new("headwater.transport", transport);

    private static void Told(Node node, IReadOnlyList<FeedItem> items, int connections, bool isLive, KeyValuePair<string, object?> tag)
    {
        Telemetry.Deliveries.Add((long)items.Count * connections, tag);
        if (!isLive)
            return;

        // Once for a page, at its oldest: it is there that somebody has waited longest.
        if (Telemetry.DeliveryLatency.Enabled && RecordedAt(node, items[0]) is { } recorded)
            Telemetry.DeliveryLatency.Record(Math.Max(0, (node.Time.GetUtcNow() - recorded).TotalSeconds), tag);
        if (Telemetry.Source.HasListeners())
            foreach (var item in items)
                Trace(node, item);
    }

    /// <summary>One span for an event and a feed, not for each of the connections: there may be thousands.</summary>
    private static void Trace(Node node, FeedItem item)
    {
        if (item.Origin is not TopicMessage && node.Tail.Find(item.Origin.Position) is { Metadata.TraceParent: { } traceParent } happened
            && Telemetry.IsTraced(traceParent) && item.Feed.IsFirstDelivery(happened))
            Telemetry.Delivered(item.Feed.Name, traceParent, happened.RecordedAt, node.Time.GetUtcNow());
    }

    private double Unpaid()
    {
        var now = node.Time.GetTimestamp();
        unpaid = Math.Max(0, unpaid - node.Time.GetElapsedTime(paidAt, now).TotalSeconds * node.Options.MaxBytesPerSecond);
        paidAt = now;
        return unpaid;
    }

    private static DateTimeOffset? RecordedAt(Node node, FeedItem item) => item.Origin switch
    {
        RecordedEvent happened => happened.RecordedAt,
        ViewChange change => node.Tail.Find(change.Position)?.RecordedAt,
        _ => null,
    };
}
