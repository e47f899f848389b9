using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Headwater.AspNetCore;

/// <summary>What all feed connections share: the heartbeat, the server's end, the limits; and who they are.</summary>
internal sealed class FeedConnections
{
    private readonly Node node;
    private readonly CancellationToken stopping;
    private readonly Pulse heartbeat = new();
    private readonly ConcurrentDictionary<FeedConnection, byte> open = [];

    public FeedConnections(Node node, CancellationToken stopping)
    {
        (this.node, this.stopping) = (node, stopping);
        Limits = new ConnectionLimits(node);
        Crowds = new Crowds(node, this);
    }

    public int Open => Limits.Open;

    /// <summary>All that are open just now.</summary>
    public IEnumerable<FeedConnection> All => open.Select(each => each.Key);

    public ConnectionLimits Limits { get; }

    /// <summary>Those that follow the same and have caught up.</summary>
    public Crowds Crowds { get; }

    /// <summary>Completes at the next heartbeat. One timer serves all connections.</summary>
    public Task Heartbeat => heartbeat.Next;

    /// <summary>Cancelled when the server begins to stop, while connections can still be written to.</summary>
    public CancellationToken Stopping => stopping;

    /// <summary>How old a connection may become, drawn anew for each.</summary>
    public TimeSpan MaxAge()
    {
        var age = node.Options.MaxConnectionAge;
        return age > TimeSpan.Zero ? age - node.Jitter(age / 10) : Timeout.InfiniteTimeSpan;
    }

    public void Add(FeedConnection connection) => open.TryAdd(connection, 0);

    public void Remove(FeedConnection connection) => open.TryRemove(connection, out _);

    /// <summary>Each feed that is followed, by how many connections, and where the slowest of them stands.</summary>
    public IEnumerable<FollowedFeed> Followed() => All
        .SelectMany(connection => connection.Standing)
        .GroupBy(each => each.Feed.Name)
        .Select(feed =>
        {
            var slowest = feed.Min(each => each.At);
            return new FollowedFeed(feed.Key, feed.Count(), LagOf(slowest), node.Tail.AgeAfter(slowest));
        });

    /// <summary>How many places of the log somebody who stands at a position is behind.</summary>
    public long LagOf(Position at) => Math.Max(0, node.Tail.Position.Value - at.Value);

    /// <summary>Beats until the server stops.</summary>
    public async Task Run()
    {
        using var meter = new Meter(Telemetry.Name);
        meter.CreateObservableGauge("headwater.feed.lag.events",
            () => Followed().Select(feed => new Measurement<long>(feed.LagEvents, Telemetry.Feed(feed.Name))),
            "{event}", "How many places of the log the slowest connection of a feed is behind.");
        meter.CreateObservableGauge("headwater.feed.lag.time",
            () => Followed().Select(feed => new Measurement<double>(feed.Lag.TotalSeconds, Telemetry.Feed(feed.Name))),
            "s", "How long ago the first event was recorded that the slowest connection of a feed has not been told.");

        using var timer = new PeriodicTimer(node.Options.Heartbeat, node.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
                heartbeat.Beat();
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The server stops.
        }
    }
}

/// <summary>How the clients of a feed fare.</summary>
/// <param name="Name">The feed.</param>
/// <param name="Connections">How many follow it.</param>
/// <param name="LagEvents">How many places of the log the slowest of them is behind.</param>
/// <param name="Lag">How long ago the first event was recorded that it has not been told.</param>
internal sealed record FollowedFeed(string Name, int Connections, long LagEvents, TimeSpan Lag);
