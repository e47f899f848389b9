namespace Headwater;

/// <summary>
/// One append. It first does what nearly always fits, and looks more closely only when something does not: a version that does
/// not fit may be that of a retry, whose events are known.
/// </summary>
internal sealed class Append : WorkItem<AppendResult>
{
    private readonly AppendRequest request;
    private readonly StoredStream[] streams;
    private readonly PreparedEvent[] events;

    /// <summary>Encodes on the caller's side what the writer would have to otherwise.</summary>
    public Append(AppendRequest request)
    {
        this.request = request;
        streams = new StoredStream[request.Streams.Count];
        events = new PreparedEvent[request.Streams.Sum(part => part.Events.Count)];
        var next = 0;
        for (var i = 0; i < streams.Length; i++)
        {
            streams[i] = new StoredStream(request.Streams[i].Stream);
            foreach (var happened in request.Streams[i].Events)
                events[next++] = new PreparedEvent(streams[i], happened, StoredJson.Encode(happened.Metadata), StoredJson.Encode(happened.Tags));
        }
    }

    public override bool IsOneStatement =>
        events is [{ Tags: null }] && request is { Receipt: null, Participants.Count: 0 };

    protected override async ValueTask<AppendResult> Perform(WriteTransaction transaction)
    {
        var session = transaction.Session;
        if (request.Receipt is { } asked && Receipts.Find(session, asked.Key) is { } receipt)
            return new AppendResult.AlreadyAnswered(receipt);

        var versions = new long[streams.Length];
        for (var i = 0; i < streams.Length; i++)
        {
            versions[i] = LogPages.StreamVersion(session, streams[i].Text);
            var (stream, expected, _) = request.Streams[i];
            if (!expected.Allows(versions[i]))
                return Known(session) ?? new AppendResult.Conflict(stream, expected, versions[i]);
        }

        var now = transaction.Now;
        if (!Insert(transaction, versions, now))
        {
            transaction.Undo();
            return Known(session) ?? throw new ArgumentException("An event id stands twice in one append; each event has an id of its own.");
        }

        if (request.Participants.Count > 0 && events.Length > 0)
        {
            var lent = new ReadModelTransaction(transaction);
            foreach (var participant in request.Participants)
                await transaction.Lend(participant.Name, () => participant.Join(lent, CancellationToken.None));
        }

        if (request.Receipt is { } kept)
            Receipts.Keep(session, kept, VersionAfter(kept, versions), transaction.Head, now);
        return Appended(transaction.Head, versions);
    }

    /// <summary>False if an id is known.</summary>
    private bool Insert(WriteTransaction transaction, long[] versions, long now)
    {
        var next = 0;
        for (var i = 0; i < streams.Length; i++)
        {
            for (var end = next + request.Streams[i].Events.Count; next < end; next++)
            {
                if (!EventRows.Insert(transaction.Session, transaction.Head + 1, versions[i] + 1, now, events[next]))
                    return false;
                transaction.Appended++;
                versions[i]++;
            }
        }

        return true;
    }

    /// <summary>What is to be said about event ids that stand in the log, or null if there are none.</summary>
    private AppendResult? Known(Session session) => KnownEvents.Answer(
        request, id => EventRows.Find(session, id), part => LogPages.StreamVersion(session, streams[part].Text));

    private long VersionAfter(ReceiptRequest receipt, long[] versions)
    {
        for (var i = 0; i < versions.Length; i++)
            if (request.Streams[i].Stream == receipt.Stream && request.Streams[i].Events.Count > 0)
                return versions[i];
        return receipt.Version;
    }

    private AppendResult.Appended Appended(long position, long[] versions)
    {
        var reached = new StreamVersion[versions.Length];
        for (var i = 0; i < reached.Length; i++)
            reached[i] = new StreamVersion(request.Streams[i].Stream, versions[i]);
        return new AppendResult.Appended(new Position(position), reached);
    }
}
