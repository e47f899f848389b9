namespace Headwater;

/// <summary>
/// What one key of a topic keeps: its newest messages, bounded in number, bytes and age, and its members. Whoever changes it holds the
/// gate of <see cref="TopicRings"/>; reading takes a lock of its own, so that readers of one key do not wait for the others.
/// </summary>
internal sealed class TopicRing(TopicKey place, Position floor, Surroundings surroundings)
{
    private readonly Lock gate = new();
    private readonly LinkedList<TopicMessage> messages = [];
    private readonly Dictionary<(string Name, string? By), LinkedListNode<TopicMessage>> newest = [];
    private readonly Pulse advanced = new(surroundings.Waking);
    private long usedAt = surroundings.Time.GetTimestamp();
    private long bytes;
    private volatile bool isGivenUp;

    public TopicKey Place => place;

    /// <summary>Every message above it that still counts is here.</summary>
    public Position Floor { get; private set; } = floor;

    public Members Members { get; } = new(place.Topic);

    public bool IsEmpty => messages.Count == 0 && Members.Count == 0;

    /// <summary>The bytes of what it keeps.</summary>
    public long Bytes => bytes;

    /// <summary>Completes when there is more, or when this ring is given up and another must be asked for. Take it before looking.</summary>
    public Task Advanced => advanced.Next;

    /// <summary>For how long nobody has read it or waited for it.</summary>
    public TimeSpan Unused => surroundings.Time.GetElapsedTime(Volatile.Read(ref usedAt));

    /// <summary>Whether other nodes must be heard of it.</summary>
    public bool IsFollowed { get; set; }

    /// <summary>Whether another ring has taken its place, or will when somebody asks.</summary>
    public bool IsGivenUp => isGivenUp;

    public void GiveUp() => isGivenUp = true;

    public void Use() => Volatile.Write(ref usedAt, surroundings.Time.GetTimestamp());

    public void Wake() => advanced.Beat();

    /// <summary>Copies up to a number of messages above a position, oldest first.</summary>
    /// <returns>False if some of them are kept no longer. Who has seen nothing cannot lack any.</returns>
    public bool TryCopy(Position after, int limit, List<TopicMessage> into)
    {
        lock (gate)
        {
            if (after < Floor && after > Position.Start)
                return false;

            // Most readers lack only the last few.
            LinkedListNode<TopicMessage>? from = null;
            for (var node = messages.Last; node is not null && node.Value.Position > after; node = node.Previous)
                from = node;
            for (; from is not null && limit > 0; from = from.Next, limit--)
                into.Add(from.Value);
            return true;
        }
    }

    /// <summary>Takes a message in, and lets go of those that it replaces or that are too many.</summary>
    public void Add(TopicMessage message)
    {
        var topic = place.Topic;
        lock (gate)
        {
            if (topic.IsLatestByKey)
            {
                // What is replaced counts no longer, so nobody lacks it: the floor stays where it is.
                if (newest.Remove(Identity(message), out var replaced))
                    Remove(replaced);
                newest[Identity(message)] = messages.AddLast(message);
            }
            else
            {
                messages.AddLast(message);
            }

            bytes += message.Size;
            while (messages.Count > topic.MaxMessages || (bytes > topic.MaxBytes && messages.Count > 1))
                DropOldest();
        }
    }

    /// <summary>Lets go of what is too old.</summary>
    public void Expire(DateTimeOffset now)
    {
        lock (gate)
            while (messages.First is { } oldest && now - oldest.Value.PublishedAt >= place.Topic.MaxAge)
                DropOldest();
    }

    /// <summary>Lets go of the older half of the messages.</summary>
    public void Halve()
    {
        lock (gate)
            for (var left = messages.Count / 2; messages.Count > left;)
                DropOldest();
    }

    /// <summary>Messages may have been missed: whoever stands at or below a position cannot go on.</summary>
    public void Interrupt(Position at)
    {
        lock (gate)
            Floor = at;
    }

    private void DropOldest()
    {
        var oldest = messages.First!;
        Floor = Position.Latest(Floor, oldest.Value.Position);
        if (place.Topic.IsLatestByKey)
            newest.Remove(Identity(oldest.Value));
        Remove(oldest);
    }

    private void Remove(LinkedListNode<TopicMessage> node)
    {
        bytes -= node.Value.Size;
        messages.Remove(node);
    }

    /// <summary>What replaces what. All that is told of a member is about the same thing: whether it is there.</summary>
    private static (string Name, string? By) Identity(TopicMessage message) =>
        (Members.IsTold(message.Name) ? Members.Joined : message.Name, message.By);
}
