namespace Headwater.Simulation;

/// <summary>
/// Connections whose clients do not read. They are opened while the world holds its breath, so that a world with them and one
/// without can be held against each other.
/// </summary>
internal sealed class StalledFollowers(World world)
{
    private readonly List<(Life Life, FeedSession Session, Task More)> connections = [];

    public int Count => connections.Count;

    /// <summary>Each reads what there is once and then waits for ever to get rid of it.</summary>
    public void OpenAt(Life life)
    {
        var requests = new[] { new FeedRequest(life.Node.Feeds["items"], null), new FeedRequest(life.Node.Feeds["board"], null) };
        for (var i = 0; i < world.Plan.Stalled; i++)
        {
            var session = Done(FeedSession.Open(life.Node.Log, requests, ["start"], world.Plan.PageSize, CancellationToken.None));
            Done(session.Read([], CancellationToken.None));
            connections.Add((life, session, session.More));
        }
    }

    /// <summary>Once they read again, they get everything the node has.</summary>
    public void Wake()
    {
        foreach (var (life, session, _) in connections)
        {
            if (life.Lost.IsCompleted)
                continue;
            while (Done(session.Read([], CancellationToken.None)) && session.Reset is ResetReason.None)
            {
            }

            if (session.Reset is ResetReason.None && session.Cursor.Position != life.Node.Tail.Position)
                world.Fail("4 a slow reader costs a cursor", $"A stalled connection came to {session.Cursor}, and its node to {life.Node.Tail.Position}.");
        }
    }

    private static T Done<T>(ValueTask<T> task) => task.IsCompleted
        ? task.Result
        : throw new InvalidOperationException("While the world holds its breath nothing takes time.");
}
