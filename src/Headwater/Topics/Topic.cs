using System.Security.Claims;

namespace Headwater;

/// <summary>Who asks to publish to a topic, or to be a member there.</summary>
/// <param name="User">The user, perhaps not authenticated.</param>
/// <param name="Topic">The topic's name.</param>
/// <param name="Key">The key asked for, or null for the topic without one.</param>
/// <param name="Name">The message's name, or <c>joined</c> or <c>left</c> of a member.</param>
/// <param name="By">Whose message it is, or the member; null if the message does not say.</param>
public sealed record TopicCaller(ClaimsPrincipal User, string Topic, string? Key, string Name, string? By);

/// <summary>Decides whether somebody may publish to a topic, or be a member there. It is asked at every request.</summary>
public delegate ValueTask<bool> TopicRule(TopicCaller caller, CancellationToken cancel);

/// <summary>A topic as it was declared.</summary>
/// <param name="Name">Its name.</param>
internal sealed record Topic(string Name)
{
    public const int MaxKeyLength = 256;

    public TopicRule? PublishRule { get; init; }

    public TopicRule? JoinRule { get; init; }

    /// <summary>Whether only the newest message of a name and a <c>By</c> counts.</summary>
    public bool IsLatestByKey { get; init; }

    /// <summary>How many messages a key keeps.</summary>
    public int MaxMessages { get; init; } = 256;

    /// <summary>How many bytes of messages a key keeps.</summary>
    public int MaxBytes { get; init; } = 1 << 20;

    /// <summary>For how long a key keeps a message.</summary>
    public TimeSpan MaxAge { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The largest message, in bytes of JSON.</summary>
    public int MaxMessageBytes { get; init; } = 16 << 10;

    /// <summary>How many keys there are at most.</summary>
    public int MaxKeys { get; init; } = 10_000;

    /// <summary>How many members a key has at most.</summary>
    public int MaxMembers { get; init; } = 1000;

    /// <summary>How long a member may be silent.</summary>
    public TimeSpan MemberExpiry { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>There is one of each, so it is compared as a thing and not field by field.</summary>
    public bool Equals(Topic? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);

    /// <summary>Whether a text can be a key, a member, or what a message is by.</summary>
    public static bool IsKey(string text) => text.Length is > 0 and <= MaxKeyLength && !text.Any(char.IsControl);
}

/// <summary>One key of a topic.</summary>
internal readonly record struct TopicKey(Topic Topic, string? Key)
{
    /// <summary>As a feed is asked for: <c>topic</c>, or <c>topic/key</c>.</summary>
    public override string ToString() => Key is null ? Topic.Name : $"{Topic.Name}/{Key}";
}
