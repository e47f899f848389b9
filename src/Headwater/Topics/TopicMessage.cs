namespace Headwater;

/// <summary>What was published to a topic.</summary>
public sealed class TopicMessage : IPositioned
{
    /// <summary>The name of what tells that messages were missed.</summary>
    internal const string Reset = "reset";

    internal TopicMessage(TopicKey key, Position position, string name, string? by, ReadOnlyMemory<byte> json, DateTimeOffset publishedAt)
    {
        Place = key;
        Position = position;
        By = by;
        PublishedAt = publishedAt;
        Frame = new Frame(name, json);
    }

    /// <summary>The topic's name.</summary>
    public string Topic => Place.Topic.Name;

    /// <summary>The key it was published under, or null.</summary>
    public string? Key => Place.Key;

    /// <summary>Its name; <c>joined</c>, <c>changed</c> or <c>left</c> if it tells of a member, <c>reset</c> if messages before it were missed.</summary>
    public string Name => Frame.Name;

    /// <summary>Whose it is: what the publisher said, or the member; null if the publisher said nothing.</summary>
    public string? By { get; }

    /// <summary>What it says, in UTF-8.</summary>
    public ReadOnlyMemory<byte> Json => Frame.Json;

    /// <summary>When it came to this process.</summary>
    public DateTimeOffset PublishedAt { get; }

    internal TopicKey Place { get; }

    internal Position Position { get; }

    internal Frame Frame { get; }

    internal int Size => 2 * Json.Length + 2 * (By?.Length ?? 0) + 300;

    Position IPositioned.Position => Position;

    int IPositioned.Size => Size;

    /// <summary>The topic, the name and the JSON.</summary>
    public override string ToString() => $"{Place} {Name} {System.Text.Encoding.UTF8.GetString(Json.Span)}";
}
