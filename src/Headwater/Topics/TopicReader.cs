namespace Headwater;

/// <summary>Why somebody who follows topics could not go on.</summary>
internal enum TopicGap
{
    /// <summary>It can go on.</summary>
    None,

    /// <summary>What it has missed is kept no longer.</summary>
    Trimmed,

    /// <summary>It has a position of another process, or of this one before a restart.</summary>
    Restarted,
}

/// <summary>
/// One reader of one or several keys of topics: a position for each, which are the same except when it has just begun. It never
/// queues, so one that does not read costs only this.
/// </summary>
/// <exception cref="TopicRefusedException">There are too many keys.</exception>
internal sealed class TopicReader(TopicRings rings, IReadOnlyList<TopicKey> places)
{
    private readonly TopicRing[] used = [.. places.Select(place => rings.Use(place, isKnown: false))];
    private readonly Position[] at = new Position[places.Count];
    private readonly List<TopicMessage> page = [];

    /// <summary>What it follows.</summary>
    public IReadOnlyList<TopicKey> Places => places;

    /// <summary>Where it stands in all of them, or null until it has what the topics held when it began.</summary>
    public ViewPosition? At => at.All(each => each == at[0]) ? rings.At(at[0]) : null;

    /// <summary>Why it must begin anew, if it must; nothing is read before <see cref="BeginAtNow"/>.</summary>
    public TopicGap Gap { get; private set; }

    /// <summary>Those that complete when there may be more. Take them before reading.</summary>
    public IEnumerable<Task> Advanced => places.Select((_, i) => NextOf(i));

    /// <summary>Begins at now; where only the latest messages count, with those.</summary>
    public void BeginAtNow()
    {
        Gap = TopicGap.None;
        var now = rings.Position;
        for (var i = 0; i < at.Length; i++)
            at[i] = places[i].Topic.IsLatestByKey ? Position.Start : now;
    }

    /// <summary>Begins with all that the topics hold.</summary>
    public void BeginAtStart() => Array.Fill(at, Position.Start);

    /// <summary>Goes on behind the earliest of several positions.</summary>
    public void Resume(IReadOnlyList<ViewPosition> told)
    {
        // Who has seen nothing can have missed nothing, whoever told it so.
        var earliest = told.Min(each => each.Position);
        if (told.Any(each => each.Position > Position.Start && (each.Generation != rings.Generation || each.Position > rings.Position)))
            Gap = TopicGap.Restarted;
        else
            Array.Fill(at, earliest);
    }

    /// <summary>What tells that messages were missed.</summary>
    public TopicMessage Reset(ReadOnlyMemory<byte> json) =>
        new(places[0], rings.Position, TopicMessage.Reset, null, json, rings.Now);

    /// <summary>Reads what is new, in the order in which it was published, and goes on to it.</summary>
    /// <param name="into">Each message, which of the keys it belongs to, and where the reader stands behind it.</param>
    /// <param name="limit">How many to read.</param>
    public void Read(List<(TopicMessage Message, int Of, ViewPosition? Reached)> into, int limit)
    {
        into.Clear();
        if (Gap is not TopicGap.None)
            return;

        // What is published meanwhile is left to the next read, or the order would depend on which key is looked at first.
        var reached = rings.Position;
        var messages = new List<(TopicMessage Message, int Of)>();
        for (var i = 0; i < at.Length; i++)
        {
            page.Clear();
            if (!RingOf(i).TryCopy(at[i], limit, page))
            {
                Gap = TopicGap.Trimmed;
                return;
            }

            if (page.Count == limit)
                reached = Position.Min(reached, page[^1].Position);
            messages.AddRange(page.Select(message => (message, i)));
        }

        messages.RemoveAll(each => each.Message.Position > reached);
        if (at.Length > 1)
            messages.Sort((one, other) => one.Message.Position.CompareTo(other.Message.Position));
        if (messages.Count > limit)
        {
            reached = messages[limit - 1].Message.Position;
            messages.RemoveRange(limit, messages.Count - limit);
        }

        var furthest = at.Max();
        foreach (var (message, of) in messages)
            into.Add((message, of, message.Position >= furthest ? rings.At(message.Position) : null));
        for (var i = 0; i < at.Length; i++)
            at[i] = Position.Latest(at[i], reached);
    }

    private TopicRing RingOf(int i)
    {
        if (used[i].IsGivenUp)
            used[i] = rings.Use(places[i], isKnown: true);
        used[i].Use();
        return used[i];
    }

    private Task NextOf(int i)
    {
        while (true)
        {
            // Taken before the look, so that being given up in between wakes it.
            var ring = RingOf(i);
            var next = ring.Advanced;
            if (!ring.IsGivenUp)
                return next;
        }
    }
}
