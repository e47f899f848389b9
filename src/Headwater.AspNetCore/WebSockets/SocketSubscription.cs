namespace Headwater.AspNetCore;

/// <summary>What a client follows on a socket, under a name of its own choice.</summary>
internal sealed class SocketSubscription(string name, int feeds, FeedSession session, ConnectionLife life, FeedConnection client) : IDisposable
{
    private int isDisposed;

    public string Name => name;

    /// <summary>How many feeds it follows.</summary>
    public int FeedCount => feeds;

    public FeedSession Session => session;

    /// <summary>How long the client may follow it.</summary>
    public ConnectionLife Life => life;

    /// <summary>Whether the client once had everything; only then can it fall behind.</summary>
    public bool HasCaughtUp { get; set; }

    /// <summary>Whether it could not go on, and the client knows.</summary>
    public bool IsBroken { get; set; }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref isDisposed, 1) != 0)
            return;
        life.Dispose();
        client.Unsubscribe(feeds);
    }
}

/// <summary>
/// An answer on its way to the client (empty if none is wanted), and what is followed from then on, or no longer. Both go the same way,
/// so that no event of a subscription comes before the answer that begins it or after the one that ends it.
/// </summary>
internal readonly record struct SocketReply(byte[] Message, SocketSubscription? Begins = null, SocketSubscription? Ends = null);
