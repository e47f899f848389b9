using System.Text.Json;
using System.Text.Unicode;

namespace Headwater;

/// <summary>
/// All topics of this process. Every message gets a position from one sequence, whatever its topic and key, so that one position says of
/// all topics together how far a client has come. Nothing is kept beyond the process: another one has another generation.
/// </summary>
internal sealed class TopicRings(HeadwaterOptions options, Surroundings surroundings)
{
    /// <summary>The part of a cursor that is about topics. No read model can have this name.</summary>
    public const string CursorPart = "_topics";

    private static readonly TimeSpan sweepInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan leastIdle = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private readonly Dictionary<TopicKey, TopicRing> rings = [];
    private readonly Dictionary<Topic, int> keysOf = [];

    // The first message stands at 2: who begins at now, before it, is told from who has seen nothing.
    private long position = 1;
    private long bytes;
    private Position forgotten;     // where rings that were given up had come to

    /// <summary>Identifies the sequence: another process, or this one after a restart, has another.</summary>
    public int Generation { get; } = surroundings.NextNumber();

    /// <summary>Every message at or below it can be read.</summary>
    public Position Position => new(Volatile.Read(ref position));

    /// <summary>How many keys are kept.</summary>
    public int Count
    {
        get
        {
            lock (gate)
                return rings.Count;
        }
    }

    /// <summary>Tells other nodes, if there are any. Set before anything is published.</summary>
    public TopicExchange? Exchange { get; set; }

    public DateTimeOffset Now => surroundings.Time.GetUtcNow();

    public ViewPosition At(Position at) => new(CursorPart, Generation, at);

    /// <summary>The ring of a key, for somebody who reads it or waits for it.</summary>
    /// <param name="place">The topic and the key.</param>
    /// <param name="isKnown">Whether it was let in before; then the number of keys does not matter.</param>
    /// <exception cref="TopicRefusedException">There are too many keys.</exception>
    public TopicRing Use(TopicKey place, bool isKnown)
    {
        lock (gate)
        {
            var ring = Ring(place, isKnown);
            Use(ring);
            return ring;
        }
    }

    /// <summary>Publishes a message.</summary>
    /// <exception cref="TopicRefusedException">It cannot be published.</exception>
    public Position Publish(TopicKey place, string name, ReadOnlyMemory<byte> json, string? by)
    {
        Check(place, name, json, by);
        return Change(place, new TopicChange(TopicChangeKind.Published, name, by, json), ring => Add(ring, name, json, by));
    }

    /// <summary>Lets a member in, or hears that it is still there.</summary>
    /// <exception cref="TopicRefusedException">It cannot be let in.</exception>
    public Position Join(TopicKey place, string member, ReadOnlyMemory<byte> meta, string? owner)
    {
        CheckMember(place, member, meta);
        return Change(place, new TopicChange(TopicChangeKind.Joined, member, owner, meta), ring =>
        {
            Use(ring);
            Join(ring, member, owner, meta, isHere: true);
        });
    }

    /// <summary>Lets a member go. One that is not there is gone already.</summary>
    /// <exception cref="TopicRefusedException">It belongs to somebody else.</exception>
    public Position Leave(TopicKey place, string member, string? owner) =>
        Change(place, new TopicChange(TopicChangeKind.Left, member, owner), ring => Leave(ring, member, owner));

    /// <summary>Takes over what another node tells of a key, if it is kept here.</summary>
    public void Take(TopicKey place, TopicChange change)
    {
        TopicRing? ring;
        lock (gate)
        {
            if (!rings.TryGetValue(place, out ring))
                return;
            try
            {
                switch (change.Kind)
                {
                    case TopicChangeKind.Published:
                        Check(place, change.Name, change.Json, change.By);
                        Add(ring, change.Name, change.Json, change.By);
                        break;
                    case TopicChangeKind.Joined:
                        CheckMember(place, change.Name, change.Json);
                        Join(ring, change.Name, change.By, change.Json, isHere: false);
                        break;
                    case TopicChangeKind.Remained:
                        CheckMember(place, change.Name, change.Json);
                        if (ring.Members.Remain(change.Name, change.By, change.Json, surroundings.Time.GetTimestamp()) is { } told)
                            Add(ring, told, ring.Members.Told(change.Name), change.Name);
                        break;
                    case TopicChangeKind.Left:
                        Leave(ring, change.Name, change.By);
                        break;
                    case TopicChangeKind.Missed:
                        Interrupt(ring);
                        break;
                }
            }
            catch (TopicRefusedException)
            {
                // Two nodes let two users in by one name at the same moment, or more members than fit: each keeps what it had first. Or
                // the nodes are not declared alike, or it is none of ours that has written this.
            }
        }

        ring.Wake();
    }

    /// <summary>Says again of each member that was last seen at this node that it is there.</summary>
    public void TellWhoIsHere(TopicKey place)
    {
        lock (gate)
            if (Exchange is not null && rings.TryGetValue(place, out var ring))
                foreach (var member in ring.Members.All.Where(member => member.IsHere))
                    Exchange.Tell(place, new TopicChange(TopicChangeKind.Remained, member.Name, member.Owner, member.Meta));
    }

    /// <summary>The keys that must be heard of from other nodes: somebody follows them, or is a member, here.</summary>
    public HashSet<TopicKey> Followed()
    {
        lock (gate)
        {
            foreach (var ring in rings.Values.Where(ring => ring.IsFollowed && ring.Unused > Idle && !ring.Members.All.Any(member => member.IsHere)))
                ring.IsFollowed = false;
            return [.. rings.Values.Where(ring => ring.IsFollowed).Select(ring => ring.Place)];
        }
    }

    /// <summary>Messages of other nodes may have been missed: whoever follows the key is told.</summary>
    public void Interrupt(TopicKey place)
    {
        TopicRing? ring;
        lock (gate)
        {
            if (!rings.TryGetValue(place, out ring))
                return;
            Interrupt(ring);
        }

        ring.Wake();
    }

    /// <summary>Who is there, and the position that this is true at.</summary>
    public (IReadOnlyList<Member> Members, Position At) MembersOf(TopicKey place)
    {
        lock (gate)
        {
            var ring = Ring(place, isKnown: false);
            Use(ring);
            return ([.. ring.Members.All], Position);
        }
    }

    /// <summary>Lets go of what is too old, until cancelled. One timer serves all topics.</summary>
    public async Task Run(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(sweepInterval, surroundings.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancel))
                Sweep();
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The node stops.
        }
    }

    /// <summary>Lets go of messages that are too old, members that are silent, and keys that nobody uses.</summary>
    public void Sweep()
    {
        var now = Now;

        var woken = new List<TopicRing>();
        lock (gate)
        {
            foreach (var ring in rings.Values)
            {
                var gone = ring.Members.Expire(surroundings.Time);
                foreach (var member in gone)
                    Add(ring, Members.Left, Members.ToldGone(member, "expired"), member);
                if (gone.Count > 0)
                    woken.Add(ring);
                var before = ring.Bytes;
                ring.Expire(now);
                bytes += ring.Bytes - before;
                if (ring.IsEmpty && ring.Unused > Idle)
                    woken.Add(ring);
            }

            foreach (var ring in woken.Where(ring => ring.IsEmpty && rings.Remove(ring.Place)))
            {
                ring.GiveUp();
                forgotten = Position.Latest(forgotten, ring.Floor);
                keysOf[ring.Place.Topic]--;
            }
        }

        foreach (var ring in woken)
            ring.Wake();
    }

    /// <summary>Who follows comes by at every heartbeat at least; who polls is given a while to come back.</summary>
    private TimeSpan Idle => options.Heartbeat * 3 > leastIdle ? options.Heartbeat * 3 : leastIdle;

    /// <summary>
    /// Notes that somebody looks at a ring. If nobody did, other nodes have not been heard of it: whoever was there before may have missed
    /// something, and who begins now has not.
    /// </summary>
    private void Use(TopicRing ring)
    {
        ring.Use();
        if (Exchange is null || ring.IsFollowed)
            return;
        ring.IsFollowed = true;
        Interrupt(ring);
        Exchange.ListenSoon();
    }

    private void Interrupt(TopicRing ring)
    {
        Volatile.Write(ref position, position + 1);
        ring.Interrupt(Position);
    }

    private void Join(TopicRing ring, string member, string? owner, ReadOnlyMemory<byte> meta, bool isHere)
    {
        if (ring.Members.Join(member, owner, meta, surroundings.Time.GetTimestamp(), isHere) is { } told)
            Add(ring, told, ring.Members.Told(member), member);
    }

    private void Leave(TopicRing ring, string member, string? owner)
    {
        if (ring.Members.Leave(member, owner))
            Add(ring, Members.Left, Members.ToldGone(member, "left"), member);
    }

    private Position Change(TopicKey place, TopicChange told, Action<TopicRing> change)
    {
        TopicRing ring;
        Position reached;
        lock (gate)
        {
            ring = Ring(place, isKnown: false);
            change(ring);
            Exchange?.Tell(place, told);
            reached = Position;
        }

        ring.Wake();
        return reached;
    }

    private void Add(TopicRing ring, string name, ReadOnlyMemory<byte> json, string? by)
    {
        var message = new TopicMessage(ring.Place, new Position(position + 1), name, by, json, Now);
        var before = ring.Bytes;
        ring.Add(message);
        bytes += ring.Bytes - before;

        // Only now: who reads up to this position must find the message.
        Volatile.Write(ref position, message.Position.Value);
        if (bytes > options.TopicBytes)
            MakeRoom();
        Telemetry.Published(ring.Place.Topic.Name);
    }

    /// <summary>Lets go of what takes the most room, until there is enough: a busy key must not cost the others what they keep.</summary>
    private void MakeRoom()
    {
        while (bytes > options.TopicBytes / 8 * 7)
        {
            var largest = rings.Values.MaxBy(ring => ring.Bytes)!;
            var before = largest.Bytes;
            largest.Halve();
            bytes += largest.Bytes - before;
        }
    }

    private TopicRing Ring(TopicKey place, bool isKnown)
    {
        if (rings.TryGetValue(place, out var ring))
            return ring;
        var keys = keysOf.GetValueOrDefault(place.Topic);
        if (keys >= place.Topic.MaxKeys && !isKnown)
            throw new TopicRefusedException(TopicRefusal.Full,
                $"The topic '{place.Topic.Name}' has at most {place.Topic.MaxKeys} keys, and they are in use. Try again later.");
        keysOf[place.Topic] = keys + 1;
        return rings[place] = new TopicRing(place, forgotten, surroundings);
    }

    private static void CheckMember(TopicKey place, string member, ReadOnlyMemory<byte> meta) =>
        Check(place, meta.IsEmpty ? "null"u8.ToArray() : meta, member);

    private static void Check(TopicKey place, string name, ReadOnlyMemory<byte> json, string? by)
    {
        if (!Contract.IsFree(name) || Members.IsTold(name))
            throw new TopicRefusedException(TopicRefusal.BadName,
                $"'{name}' is no name for a message: expected lower-case letters, digits and dashes, a letter first, 64 at most, and none of " +
                "reset, problem, expiring, message, error, open, joined, changed, left, which mean something else to clients.");
        Check(place, json, by);
    }

    private static void Check(TopicKey place, ReadOnlyMemory<byte> json, string? by)
    {
        if (by is not null && !Topic.IsKey(by))
            throw new TopicRefusedException(TopicRefusal.BadKey,
                $"A member, or what a message is by, has 1 to {Topic.MaxKeyLength} characters and no control characters.");
        if (json.Length > place.Topic.MaxMessageBytes)
            throw new TopicRefusedException(TopicRefusal.TooLarge,
                $"The message has {json.Length:N0} bytes; the topic '{place.Topic.Name}' takes {place.Topic.MaxMessageBytes:N0} at most.");
        if (!IsJson(json.Span))
            throw new TopicRefusedException(TopicRefusal.NotJson, "The message is not JSON in UTF-8.");
    }

    private static bool IsJson(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            while (reader.Read())
            {
                // Each token is checked as it is passed.
            }

            return Utf8.IsValid(json);
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
