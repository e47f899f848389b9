namespace Headwater.AspNetCore;

/// <summary>What all feed connections share: the heartbeat, the server's end, and the number of them.</summary>
internal sealed class FeedConnections(Node node, CancellationToken stopping)
{
    private readonly Pulse heartbeat = new();
    private int open;

    public int Open => Volatile.Read(ref open);

    /// <summary>Completes at the next heartbeat. One timer serves all connections.</summary>
    public Task Heartbeat => heartbeat.Next;

    /// <summary>Cancelled when the server begins to stop, while connections can still be written to.</summary>
    public CancellationToken Stopping => stopping;

    public void Opened()
    {
        Interlocked.Increment(ref open);
        Telemetry.Connections.Add(1);
    }

    public void Closed()
    {
        Interlocked.Decrement(ref open);
        Telemetry.Connections.Add(-1);
    }

    /// <summary>Beats until the server stops.</summary>
    public async Task Run()
    {
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
