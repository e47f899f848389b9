using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Headwater;

/// <summary>
/// Publishes and follows what is of the moment: typing, presence, progress. It is kept in memory, within bounds, and may be lost; what must
/// not be lost belongs in the log. Rules are for clients: what the application does itself is not asked about.
/// </summary>
public sealed class Topics
{
    private const int PageSize = 64;

    private readonly TopicRings rings;
    private readonly IReadOnlyDictionary<string, Topic> topics;
    private readonly ApplicationJson json;
    private readonly LogTail tail;

    internal Topics(TopicRings rings, IReadOnlyDictionary<string, Topic> topics, ApplicationJson json, LogTail tail) =>
        (this.rings, this.topics, this.json, this.tail) = (rings, topics, json, tail);

    /// <summary>Publishes a message that is JSON already.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="key">Which of the topic's keys, such as a room; null for the topic without one.</param>
    /// <param name="name">The message's name, which is the event's name on the wire.</param>
    /// <param name="message">What it says, as JSON in UTF-8.</param>
    /// <param name="by">
    /// Whose it is. In a topic of the latest by key, it replaces the message of the same name and the same <paramref name="by"/>.
    /// </param>
    /// <returns>A cursor that stands behind the message.</returns>
    /// <exception cref="TopicRefusedException">It cannot be published.</exception>
    public Cursor PublishJson(string topic, string? key, string name, ReadOnlyMemory<byte> message, string? by = null)
    {
        ArgumentNullException.ThrowIfNull(name);

        // The caller may use its bytes for something else next.
        return CursorAt(rings.Publish(Place(topic, key), name, message.ToArray(), by));
    }

    /// <summary>Publishes a message.</summary>
    /// <typeparam name="T">Its type, which the application's JSON must know.</typeparam>
    /// <param name="topic">The topic's name.</param>
    /// <param name="key">Which of the topic's keys, such as a room; null for the topic without one.</param>
    /// <param name="name">The message's name, which is the event's name on the wire.</param>
    /// <param name="message">What it says.</param>
    /// <param name="by">
    /// Whose it is. In a topic of the latest by key, it replaces the message of the same name and the same <paramref name="by"/>.
    /// </param>
    /// <returns>A cursor that stands behind the message.</returns>
    /// <exception cref="TopicRefusedException">It cannot be published.</exception>
    public Cursor Publish<T>(string topic, string? key, string name, T message, string? by = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        return CursorAt(rings.Publish(Place(topic, key), name, JsonSerializer.SerializeToUtf8Bytes(message, json.Of<T>()), by));
    }

    /// <summary>
    /// Follows a topic in this process, from now on; a topic of the latest by key begins with what it has. A reader that is too slow for what
    /// the topic keeps gets one message named <c>reset</c> (by nobody, saying <c>null</c>), and goes on from then.
    /// </summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="key">Which of the topic's keys; null for the topic without one.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="TopicRefusedException">It cannot be followed.</exception>
    public IAsyncEnumerable<TopicMessage> Follow(string topic, string? key, CancellationToken cancel = default)
    {
        // It begins with the call, and not with the first look at what it gives.
        var reader = new TopicReader(rings, [Place(topic, key)]);
        reader.BeginAtNow();
        return Follow(reader, cancel);
    }

    /// <summary>Lets a member in, or says that it is still there: a member that is silent for longer than the topic allows has left.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="key">Which of the topic's keys; null for the topic without one.</param>
    /// <param name="member">What the member is called.</param>
    /// <param name="meta">What it says about itself, as JSON in UTF-8; nothing is null. If it differs, that is told as <c>changed</c>.</param>
    /// <param name="owner">The user it belongs to; nobody else can change it. Null for whoever is not signed in.</param>
    /// <returns>A cursor that stands behind it.</returns>
    /// <exception cref="TopicRefusedException">It cannot be let in.</exception>
    public Cursor Join(string topic, string? key, string member, ReadOnlyMemory<byte> meta = default, string? owner = null) =>
        CursorAt(rings.Join(Place(topic, key), member, meta.ToArray(), owner));

    /// <summary>Lets a member go. One that is not there is gone already.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="key">Which of the topic's keys; null for the topic without one.</param>
    /// <param name="member">What the member is called.</param>
    /// <param name="owner">The user it belongs to.</param>
    /// <returns>A cursor that stands behind it.</returns>
    /// <exception cref="TopicRefusedException">It belongs to somebody else.</exception>
    public Cursor Leave(string topic, string? key, string member, string? owner = null) =>
        CursorAt(rings.Leave(Place(topic, key), member, owner));

    /// <summary>Who is there.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="key">Which of the topic's keys; null for the topic without one.</param>
    /// <exception cref="TopicRefusedException">There is no such topic, or it has too many keys.</exception>
    public IReadOnlyCollection<string> Members(string topic, string? key) =>
        [.. rings.MembersOf(Place(topic, key)).Members.Select(member => member.Name)];

    internal (IReadOnlyList<Member> Members, Cursor Cursor) MembersOf(TopicKey place)
    {
        var (members, at) = rings.MembersOf(place);
        return (members, CursorAt(at));
    }

    internal TopicKey Place(string topic, string? key)
    {
        if (!topics.TryGetValue(topic, out var known))
            throw new TopicRefusedException(TopicRefusal.UnknownTopic, topics.Count == 0
                ? $"There is no topic '{topic}'; add it with AddTopic."
                : $"There is no topic '{topic}'; there are {string.Join(", ", topics.Keys)}.");
        return key is null || Topic.IsKey(key)
            ? new TopicKey(known, key)
            : throw new TopicRefusedException(TopicRefusal.BadKey,
                $"This is no key of the topic '{topic}': expected 1 to {Topic.MaxKeyLength} characters and no control characters.");
    }

    private Cursor CursorAt(Position position) => new(tail.Epoch, tail.Position, rings.At(position));

    private static async IAsyncEnumerable<TopicMessage> Follow(
        TopicReader reader, [EnumeratorCancellation] CancellationToken cancel)
    {
        var messages = new List<(TopicMessage Message, int Of, ViewPosition? Reached)>();
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            var more = reader.Advanced.Single();
            reader.Read(messages, PageSize);
            foreach (var (message, _, _) in messages)
                yield return message;
            if (reader.Gap is not TopicGap.None)
            {
                reader.BeginAtNow();
                yield return reader.Reset("null"u8.ToArray());
            }
            else if (messages.Count == 0)
            {
                await more.WaitAsync(cancel);
            }
        }
    }
}
