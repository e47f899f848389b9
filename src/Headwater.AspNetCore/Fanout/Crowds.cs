namespace Headwater.AspNetCore;

/// <summary>The crowds there are: one for each choice of feeds that somebody follows and has caught up with.</summary>
internal sealed class Crowds(Node node, FeedConnections connections)
{
    private readonly Dictionary<string, Crowd> crowds = [];

    /// <summary>Seats a connection whose client was told everything up to where its session stands.</summary>
    /// <param name="feeds">What it follows, as one text.</param>
    /// <param name="session">Where it stands.</param>
    /// <param name="client">Whose it is.</param>
    /// <param name="way">How its client is written to.</param>
    /// <returns>Its seat; null if the crowd stands elsewhere just now.</returns>
    public Seat? Join(string feeds, FeedSession session, FeedConnection client, ICrowdWay way)
    {
        if (!session.HasOnePlace)
            return null;
        lock (crowds)
        {
            if (crowds.TryGetValue(feeds, out var crowd))
                return crowd.Join(session, client, way);
            crowds[feeds] = crowd = new Crowd(session.Fork(), node, connections);
            var seat = crowd.Join(session, client, way);
            _ = node.Begin(() => Run(feeds, crowd));
            return seat;
        }
    }

    private async Task Run(string feeds, Crowd crowd)
    {
        try
        {
            while (!connections.Stopping.IsCancellationRequested)
            {
                await crowd.Run();
                lock (crowds)
                {
                    if (crowd.IsEmpty)
                    {
                        crowds.Remove(feeds);
                        return;
                    }
                }
            }
        }
        catch (Exception)
        {
            // What it met, each of its connections meets for itself next, and tells its client.
        }

        lock (crowds)
            crowds.Remove(feeds);
        crowd.Disband();
    }
}
