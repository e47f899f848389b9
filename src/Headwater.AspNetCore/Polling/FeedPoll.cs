namespace Headwater.AspNetCore;

/// <summary>
/// One answer to a client that polls: a page of what is new. If nothing is, it is held for as long as the client asked, so that a
/// client that comes back at once hears of everything when it happens.
/// </summary>
internal sealed class FeedPoll(FeedSession session, int limit, Node node, FeedConnections connections, ConnectionLife life)
{
    // Where little of what happened concerns the client, it is given what was found so far, and a cursor behind it.
    private static readonly TimeSpan longestScan = TimeSpan.FromSeconds(2);

    private readonly List<FeedItem> items = [];

    /// <summary>What there is to tell.</summary>
    public IReadOnlyList<FeedItem> Items => items;

    /// <summary>Why the client must begin anew, if it must; then there are no items.</summary>
    public ResetReason Reset { get; private set; }

    /// <summary>Where the client stands with this page.</summary>
    public Cursor Cursor => session.Cursor;

    /// <summary>Whether it has as much as was asked for. The same page is then true for ever, if the client's cursor came with the request.</summary>
    public bool IsFull => items.Count >= limit;

    /// <summary>Whether the client was there when it happened, rather than asking for what had happened before.</summary>
    public bool HasWaited { get; private set; }

    /// <param name="wait">For how long to wait if there is nothing.</param>
    /// <param name="aborted">Gives up, because the client has gone.</param>
    /// <exception cref="UnreadableEventException">The first event cannot be decoded. Behind others it is left to the next page.</exception>
    public async ValueTask Read(TimeSpan wait, CancellationToken aborted)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(connections.Stopping, life.Over, aborted);
        try
        {
            await Read(Task.Delay(wait, node.Time, ended.Token), aborted);
        }
        finally
        {
            // The timer must not outlive the answer.
            await ended.CancelAsync();
        }
    }

    private async ValueTask Read(Task timeUp, CancellationToken aborted)
    {
        var started = node.Time.GetTimestamp();
        var page = new List<FeedItem>();
        while (true)
        {
            var more = session.More;
            bool moved;
            try
            {
                moved = await session.Read(page, aborted);
            }
            catch (UnreadableEventException) when (items.Count > 0)
            {
                return;
            }

            items.AddRange(page);
            if (session.Reset is not ResetReason.None)
            {
                await BeginAnew(aborted);
                return;
            }

            if (IsFull || moved && node.Time.GetElapsedTime(started) > longestScan)
                return;
            if (moved)
                continue;
            if (items.Count > 0 || timeUp.IsCompleted)
                return;
            HasWaited = true;
            await Task.WhenAny(more, timeUp);
            aborted.ThrowIfCancellationRequested();
        }
    }

    private async ValueTask BeginAnew(CancellationToken cancel)
    {
        Reset = session.Reset;
        items.Clear();
        await session.BeginAnew(cancel);
    }
}
