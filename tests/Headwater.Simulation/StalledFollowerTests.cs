using System.Runtime.CompilerServices;

namespace Headwater.Simulation;

/// <summary>Promise 4: a slow reader costs a cursor.</summary>
public sealed class StalledFollowerTests
{
    /// <summary>Not a task, not a read, not a moment differs for everybody else, whether none is stalled or 50 at each node.</summary>
    [Fact]
    public void Nobody_notices_connections_that_do_not_read()
    {
        foreach (var seed in Enumerable.Range(1, 12))
        {
            var alone = World.Run(Plan.Of(seed));
            var together = World.Run(Plan.Of(seed) with { Stalled = 50 });

            Assert.True(together.Stalled.Count >= 50);
            Assert.Equal(alone.Trace.Hash, together.Trace.Hash);
        }
    }

    /// <summary>A node holds nothing of a connection that waits: what is not reachable from it can hold no queue.</summary>
    [Fact]
    public void A_node_holds_nothing_of_a_connection_that_waits()
    {
        using var world = new World(Plan.Of(1) with { UsesSqlite = false, FaultsPerMille = 0, SlowPercent = 0 });
        var (node, sessions) = Follow(world);

        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();

        Assert.All(sessions, session => Assert.False(session.IsAlive));
        GC.KeepAlive(node);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (Life Node, List<WeakReference> Sessions) Follow(World world)
    {
        var started = world.Do(async () =>
        {
            await world.Nodes[0].Ensure();
            return await world.Nodes[0].Call(Task.FromResult);
        });
        var sessions = new List<WeakReference>();
        for (var i = 0; i < 100; i++)
        {
            var session = FeedSession.Open(
                started.Node.Log, [new(started.Node.Feeds["items"], null), new(started.Node.Feeds["board"], null)], ["start"], 8, default)
                .AsTask().GetAwaiter().GetResult();
            _ = session.More;
            sessions.Add(new WeakReference(session));
        }

        return (started, sessions);
    }
}
