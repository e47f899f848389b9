using System.Buffers;
using System.Text.Json;

namespace Headwater;

/// <summary>Somebody who is there.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Owner">The user it belongs to; null if nobody was signed in.</param>
/// <param name="Meta">What it says about itself, as JSON.</param>
/// <param name="Seen">The timestamp of when it was last heard of.</param>
/// <param name="IsHere">Whether that was at this node.</param>
internal sealed record Member(string Name, string? Owner, ReadOnlyMemory<byte> Meta, long Seen, bool IsHere);

/// <summary>Who is there under one key of a topic. Whoever uses it holds the gate of <see cref="TopicRings"/>.</summary>
internal sealed class Members(Topic topic)
{
    public const string Joined = "joined";
    public const string Changed = "changed";
    public const string Left = "left";

    private static readonly byte[] none = "null"u8.ToArray();

    private readonly Dictionary<string, Member> members = [];

    public int Count => members.Count;

    public IReadOnlyCollection<Member> All => members.Values;

    /// <summary>Whether messages of that name tell of members, so that nobody else may publish them.</summary>
    public static bool IsTold(string name) => name is Joined or Changed or Left;

    /// <summary>Lets a member in, or hears that it is still there.</summary>
    /// <returns>What to tell: <c>joined</c>, <c>changed</c>, or null.</returns>
    public string? Join(string name, string? owner, ReadOnlyMemory<byte> meta, long now, bool isHere)
    {
        var known = members.GetValueOrDefault(name);
        if (known is not null && known.Owner != owner)
            throw NotYours(name);
        if (known is null && members.Count >= topic.MaxMembers)
            throw new TopicRefusedException(TopicRefusal.Full,
                $"A key of the topic '{topic.Name}' has at most {topic.MaxMembers} members, and they are there. Try again when one has left.");
        var joined = new Member(name, owner, meta.IsEmpty ? none : meta, now, isHere);
        members[name] = joined;
        return known is null ? Joined : known.Meta.Span.SequenceEqual(joined.Meta.Span) ? null : Changed;
    }

    /// <summary>Hears that a member is still there by somebody who cannot know what has changed about it meanwhile.</summary>
    /// <returns>What to tell: <c>joined</c>, or null.</returns>
    public string? Remain(string name, string? owner, ReadOnlyMemory<byte> meta, long now)
    {
        if (!members.TryGetValue(name, out var known))
            return Join(name, owner, meta, now, isHere: false);
        if (known.Owner == owner)
            members[name] = known with { Seen = now };
        return null;
    }

    /// <summary>Lets a member go.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Leave(string name, string? owner)
    {
        if (!members.TryGetValue(name, out var known))
            return false;
        if (known.Owner != owner)
            throw NotYours(name);
        return members.Remove(name);
    }

    /// <summary>Lets those go that have been silent for too long.</summary>
    public List<string> Expire(TimeProvider time)
    {
        List<string> gone = [.. from member in members.Values where time.GetElapsedTime(member.Seen) > topic.MemberExpiry select member.Name];
        foreach (var name in gone)
            members.Remove(name);
        return gone;
    }

    /// <summary>What is told of one that is there.</summary>
    public byte[] Told(string name)
    {
        var member = members[name];
        return Json(json => Write(json, member));
    }

    /// <summary>What is told of one that is there no longer.</summary>
    public static byte[] ToldGone(string name, string reason) => Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("member", name);
        json.WriteString("reason", reason);
        json.WriteEndObject();
    });

    public static void Write(Utf8JsonWriter json, Member member)
    {
        json.WriteStartObject();
        json.WriteString("member", member.Name);
        json.WritePropertyName("meta");
        json.WriteRawValue(member.Meta.Span, skipInputValidation: true);
        json.WriteEndObject();
    }

    private static byte[] Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            write(json);
        return buffer.WrittenSpan.ToArray();
    }

    private static TopicRefusedException NotYours(string name) => new(TopicRefusal.NotYours,
        $"The member '{name}' was joined by somebody else. Choose another name.");
}
