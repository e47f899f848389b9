using System.Runtime.ExceptionServices;

namespace Headwater;

/// <summary>What a client asked to follow: a feed, all of it or one key.</summary>
internal readonly record struct FeedRequest(Feed Feed, string? Key);

/// <summary>Something to send. The cursor, if there is one, is what the client has reached with it.</summary>
/// <param name="Frame">What is sent.</param>
/// <param name="Cursor">What the client has reached with it.</param>
/// <param name="Feed">The feed it belongs to.</param>
/// <param name="Origin">The event, the row's change or the message that it tells.</param>
/// <param name="Generation">Of the read model or of the topics, if it tells something of theirs.</param>
internal readonly record struct FeedItem(Frame Frame, Cursor? Cursor, Feed Feed, IPositioned Origin, int Generation = 0);

/// <summary>Why a client could not go on where it was.</summary>
internal enum ResetReason
{
    /// <summary>It can go on.</summary>
    None,

    /// <summary>The text is no cursor.</summary>
    Malformed,

    /// <summary>The cursor belongs to another log.</summary>
    ForeignEpoch,

    /// <summary>The cursor is ahead of the log, which was restored from a backup, perhaps.</summary>
    BeyondHead,

    /// <summary>What the client has missed is no longer kept.</summary>
    Trimmed,

    /// <summary>The read model was built again.</summary>
    Rebuilt,
}

/// <summary>
/// One client following one or several feeds: a cursor and nothing else. It reads what is new when asked to and never queues,
/// so a client that does not read costs only the cursor.
/// </summary>
internal sealed class FeedSession
{
    private readonly Log log;
    private readonly IReadOnlyList<FeedRequest> requests;
    private readonly int pageSize;
    private readonly (EventFeed Feed, LogFilter Filter)[] eventFeeds;
    private readonly (ViewFeed Feed, string? Key)[] viewFeeds;
    private readonly TopicFeed[] topicFeeds;
    private readonly TopicReader? topics;
    private readonly List<(TopicMessage Message, int Of, ViewPosition? Reached)> messages = [];
    private readonly LogFilter? filter;
    private readonly int? maxLag;
    private readonly ViewPosition[] views;      // one for each view feed
    private readonly Position[] trimmedTo;      // what was trimmed of each when the session began there; the client knew none of it
    private Position position;
    private ExceptionDispatchInfo? broken;

    private FeedSession(Log log, IReadOnlyList<FeedRequest> requests, int pageSize)
    {
        this.log = log;
        this.requests = requests;
        this.pageSize = pageSize;
        eventFeeds =
        [
            .. from request in requests
               where request.Feed is EventFeed
               let feed = (EventFeed)request.Feed
               select (feed, (request.Key is null ? feed.Filter : feed.FilterOf(request.Key))!),
        ];
        viewFeeds = [.. requests.Where(request => request.Feed is ViewFeed).Select(request => ((ViewFeed)request.Feed, request.Key))];
        var topicRequests = requests.Where(request => request.Feed is TopicFeed).ToList();
        topicFeeds = [.. topicRequests.Select(request => (TopicFeed)request.Feed)];
        if (topicFeeds.Length > 0)
            topics = new TopicReader(topicFeeds[0].Rings, [.. topicRequests.Select(request => new TopicKey(((TopicFeed)request.Feed).Topic, request.Key))]);
        maxLag = requests.Min(request => request.Feed.MaxLag);
        views = new ViewPosition[viewFeeds.Length];
        trimmedTo = new Position[viewFeeds.Length];
        filter = eventFeeds.Length switch
        {
            0 => null,
            1 => eventFeeds[0].Filter,
            _ => new LogFilter.AnyOf([.. eventFeeds.Select(feed => feed.Filter)]),
        };
    }

    /// <summary>How far the client has come.</summary>
    public Cursor Cursor => CursorWith(topics?.At);

    /// <summary>Why the client must begin anew, if it must; then nothing is read before <see cref="BeginAnew"/>.</summary>
    public ResetReason Reset { get; private set; }

    /// <summary>Opens a session where a client left off.</summary>
    /// <param name="log">The log.</param>
    /// <param name="requests">What to follow.</param>
    /// <param name="after">The text of a cursor, or of one for each snapshot taken, or "start"; none for now.</param>
    /// <param name="pageSize">How many events or rows to read at once.</param>
    /// <param name="cancel">Gives up.</param>
    public static async ValueTask<FeedSession> Open(
        Log log, IReadOnlyList<FeedRequest> requests, IReadOnlyList<string> after, int pageSize, CancellationToken cancel)
    {
        var session = new FeedSession(log, requests, pageSize);
        var head = await log.Head(cancel);
        var states = new ReadModelState[session.viewFeeds.Length];
        for (var i = 0; i < states.Length; i++)
            states[i] = await session.viewFeeds[i].Feed.Tail.State(cancel);

        session.Reset = session.Resume(after, head, states);
        return session;
    }

    /// <summary>Whether its cursor says all about where it stands; not if it follows a read model twice, as a whole and by key.</summary>
    public bool HasOnePlace =>
        viewFeeds.DistinctBy(view => view.Feed.Tail).Count() == viewFeeds.Length && (topics is null || topics.At is not null);

    /// <summary>Another session that follows the same and stands at the same place.</summary>
    public FeedSession Fork()
    {
        var fork = new FeedSession(log, requests, pageSize);
        views.CopyTo(fork.views, 0);
        trimmedTo.CopyTo(fork.trimmedTo, 0);
        fork.GoTo(Cursor);
        return fork;
    }

    /// <summary>Whether it stands at the place of another one that follows the same. To who follows topics alone the log's part says nothing.</summary>
    public bool IsAt(Cursor other) =>
        (position == other.Position || eventFeeds.Length == 0 && viewFeeds.Length == 0)
        && Array.TrueForAll(views, view => other.In(view.View) == view)
        && (topics is null || topics.At is { } at && other.In(TopicRings.CursorPart) == at);

    /// <summary>Goes on to where another session has come that follows the same.</summary>
    public void GoTo(Cursor other)
    {
        position = other.Position;
        for (var i = 0; i < views.Length; i++)
            views[i] = other.In(views[i].View) ?? views[i];
        if (other.In(TopicRings.CursorPart) is { } inTopics)
            topics?.Resume([inTopics]);
    }

    /// <summary>Whether what it reads is of events alone, which never change, and not of rows or of topics.</summary>
    public bool IsOfEvents => viewFeeds.Length == 0 && topicFeeds.Length == 0;

    /// <summary>Whether there is more it has not read than its feeds allow a client that had caught up.</summary>
    public bool IsTooFarBehind => log.Tail.Position.Value - position.Value > maxLag;

    /// <summary>Each feed it follows, and everything at or below which it has been read. May be asked while it reads; nothing before it has begun.</summary>
    public IEnumerable<(Feed Feed, Position At)> Standing
    {
        get
        {
            if (Reset is not ResetReason.None)
                yield break;
            foreach (var (feed, _) in eventFeeds)
                yield return (feed, position);
            for (var i = 0; i < viewFeeds.Length; i++)
                yield return (viewFeeds[i].Feed, views[i].Position);

            // A topic has no place in the log, and nobody can be far behind in it.
            foreach (var feed in topicFeeds)
                yield return (feed, log.Tail.Position);
        }
    }

    /// <summary>Completes when there may be more to read. Take it before reading.</summary>
    public Task More
    {
        get
        {
            if (IsOfEvents)
                return log.Tail.Advanced;
            var waits = viewFeeds.Select(view => view.Feed.Tail.Advanced).Concat(topics?.Advanced ?? []);
            return Task.WhenAny(filter is null ? waits : waits.Append(log.Tail.Advanced));
        }
    }

    /// <summary>Reads what is new into a list, and goes on to it.</summary>
    /// <returns>Whether there may be more at once.</returns>
    /// <exception cref="UnreadableEventException">The next event cannot be decoded; what came before it has been read.</exception>
    public async ValueTask<bool> Read(List<FeedItem> into, CancellationToken cancel)
    {
        into.Clear();
        broken?.Throw();
        if (Reset is not ResetReason.None)
            return true;
        var moved = filter is not null && await ReadEvents(filter, into, cancel);
        for (var i = 0; i < viewFeeds.Length && Reset is ResetReason.None; i++)
            moved |= await ReadRows(i, into, cancel);
        if (topics is not null && Reset is ResetReason.None)
            moved |= ReadTopics(topics, into);
        return moved;
    }

    /// <summary>Begins anew at the present state, once the client has been told.</summary>
    public async ValueTask BeginAnew(CancellationToken cancel)
    {
        var states = new ReadModelState[viewFeeds.Length];
        for (var i = 0; i < states.Length; i++)
            states[i] = await viewFeeds[i].Feed.Tail.State(cancel);
        BeginAtNow(await log.Head(cancel), states);
        Reset = ResetReason.None;
    }

    private async ValueTask<bool> ReadEvents(LogFilter wanted, List<FeedItem> into, CancellationToken cancel)
    {
        var page = await log.ReadBelowTail(wanted, position, pageSize, cancel);
        foreach (var happened in page.Events)
        {
            var first = into.Count;
            try
            {
                AddFrames(happened, into);
            }
            catch (Exception e)
            {
                // What came before is good and must be told; the next read ends here, before the event.
                into.RemoveRange(first, into.Count - first);
                broken = ExceptionDispatchInfo.Capture(e);
                return true;
            }

            // Only the last frame of an event carries the cursor: a client cut off between two gets both again.
            position = happened.Position;
            if (into.Count > first)
                into[^1] = into[^1] with { Cursor = Cursor };
        }

        var moved = page.Next > position || page.Events.Count > 0;
        position = Position.Latest(position, page.Next);
        return moved;
    }

    private void AddFrames(RecordedEvent happened, List<FeedItem> into)
    {
        foreach (var (feed, feedFilter) in eventFeeds)
            if ((eventFeeds.Length == 1 || feedFilter.Matches(happened)) && feed.FrameOf(happened) is { } frame)
                into.Add(new FeedItem(frame, null, feed, happened));
    }

    private async ValueTask<bool> ReadRows(int view, List<FeedItem> into, CancellationToken cancel)
    {
        var (feed, key) = viewFeeds[view];
        var from = views[view];
        var page = await feed.Tail.Read(key, from, pageSize, cancel);
        if (page.Next.Generation != from.Generation)
        {
            Reset = ResetReason.Rebuilt;
            return true;
        }

        if (page.TrimmedTo > trimmedTo[view] && page.TrimmedTo > from.Position)
        {
            Reset = ResetReason.Trimmed;
            return true;
        }

        for (var i = 0; i < page.Changes.Count; i++)
        {
            // Rows changed by one event share its position: only the last of them may carry it.
            var change = page.Changes[i];
            var isLast = i + 1 == page.Changes.Count || page.Changes[i + 1].Position != change.Position;
            if (isLast)
                Move(view, change.Position);
            into.Add(new FeedItem(feed.FrameOf(change), isLast ? Cursor : null, feed, change, from.Generation));
        }

        Move(view, page.Next.Position);
        return page.Next.Position > from.Position;
    }

    /// <summary>
    /// What cannot be told of topics costs the client its place in them alone: it is told so by a reset that names the feeds it is about,
    /// and goes on in the log and in read models where it is.
    /// </summary>
    private bool ReadTopics(TopicReader reader, List<FeedItem> into)
    {
        if (reader.Gap is TopicGap.None)
            reader.Read(messages, pageSize);
        if (reader.Gap is not TopicGap.None)
        {
            var gap = reader.Gap;
            reader.BeginAtNow();
            Tell(0, reader.Reset(TopicReset.Json(gap, Cursor, reader.Places)), Cursor);
            return true;
        }

        foreach (var (message, of, reached) in messages)
            Tell(of, message, reached is null ? null : CursorWith(reached));
        return messages.Count > 0;

        void Tell(int of, TopicMessage message, Cursor? cursor) =>
            into.Add(new FeedItem(message.Frame, cursor, topicFeeds[of], message, topicFeeds[of].Rings.Generation));
    }

    private Cursor CursorWith(ViewPosition? inTopics)
    {
        var parts = views.Length < 2 ? views.AsEnumerable() : Earliest();
        return new(log.Tail.Epoch, position, [.. inTopics is { } part ? parts.Append(part) : parts]);
    }

    /// <summary>A read model may be followed twice, as a whole and by key; the cursor has room for where both have been.</summary>
    private ViewPosition[] Earliest() => [.. views.GroupBy(view => view.View).Select(same => same.MinBy(view => view.Position))];

    private void Move(int view, Position to)
    {
        views[view] = views[view] with { Position = to };

        // Without an event feed the log's part of the cursor has no meaning of its own; it follows the view that is least far,
        // so that the same cursor could go on with an event feed and miss nothing.
        if (filter is null)
            position = views.Min(each => each.Position);
    }

    private ResetReason Resume(IReadOnlyList<string> after, LogHead head, ReadModelState[] states)
    {
        if (after.Count == 0)
        {
            BeginAtNow(head, states);
            return ResetReason.None;
        }

        var cursors = new Cursor[after.Count];
        for (var i = 0; i < cursors.Length; i++)
        {
            if (!Cursor.TryParse(after[i] == "start" ? $"{head.Epoch}.0" : after[i], out cursors[i]))
                return ResetReason.Malformed;
            if (cursors[i].Epoch != head.Epoch)
                return ResetReason.ForeignEpoch;
        }

        ResumeTopics(after, cursors);
        if (!Cursor.TryMerge(cursors, out var cursor))
            return ResetReason.Rebuilt;
        if (cursor.AtLeast > head.Issued)
            return ResetReason.BeyondHead;

        position = cursor.Position;
        for (var i = 0; i < viewFeeds.Length; i++)
        {
            var name = viewFeeds[i].Feed.Tail.Name;
            var checkpoint = states[i].Checkpoint;

            // A cursor that says nothing about a view, such as a command's, cannot have seen more of it than there is.
            var told = cursor.In(name);
            var known = told ?? new ViewPosition(name, checkpoint.Generation, Position.Min(cursor.Position, checkpoint.Position));
            if (known.Generation != checkpoint.Generation)
                return ResetReason.Rebuilt;
            if (known.Position > head.Issued)
                return ResetReason.BeyondHead;

            // Who begins at the start has no row, so it can lack no deletion; who was told a cursor may have some, even at the start.
            if (known.Position < states[i].TrimmedTo && (told is not null || known.Position > Position.Start))
                return ResetReason.Trimmed;
            views[i] = known;
            trimmedTo[i] = states[i].TrimmedTo;
        }

        return ResetReason.None;
    }

    /// <summary>Takes out of the cursors what they say about topics, which do not share the fate of the log.</summary>
    private void ResumeTopics(IReadOnlyList<string> after, Cursor[] cursors)
    {
        ViewPosition[] told = [.. cursors.Select(cursor => cursor.In(TopicRings.CursorPart)).OfType<ViewPosition>()];
        for (var i = 0; i < cursors.Length; i++)
            cursors[i] = cursors[i].Without(TopicRings.CursorPart);
        if (told.Length > 0)
            topics?.Resume(told);
        else if (after.Contains("start"))
            topics?.BeginAtStart();
        else
            topics?.BeginAtNow();
    }

    private void BeginAtNow(LogHead head, ReadModelState[] states)
    {
        topics?.BeginAtNow();
        position = head.Position;
        for (var i = 0; i < viewFeeds.Length; i++)
        {
            views[i] = new ViewPosition(viewFeeds[i].Feed.Tail.Name, states[i].Checkpoint.Generation, states[i].Checkpoint.Position);
            trimmedTo[i] = states[i].TrimmedTo;
        }

        if (filter is null && views.Length > 0)
            position = views.Min(each => each.Position);
    }
}
