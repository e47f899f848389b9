using System.Security.Cryptography;
using System.Text;

namespace Headwater;

/// <summary>What kind of thing one node tells the others of a key.</summary>
internal enum TopicChangeKind : byte
{
    /// <summary>A message was published.</summary>
    Published = 1,

    /// <summary>A member is there, newly or still.</summary>
    Joined = 2,

    /// <summary>A member has left.</summary>
    Left = 3,

    /// <summary>The sender has just begun to listen: whoever has members should say so.</summary>
    WhoIsThere = 4,

    /// <summary>The sender could not tell all there was to tell.</summary>
    Missed = 5,

    /// <summary>The answer to <see cref="WhoIsThere"/>; what was told since may be newer.</summary>
    Remained = 6,
}

/// <summary>What one node tells the others of a key of a topic.</summary>
/// <param name="Kind">What kind of thing.</param>
/// <param name="Name">The message's name, or the member's.</param>
/// <param name="By">Whose message it is, or whose member.</param>
/// <param name="Json">What the message says, or the member about itself.</param>
internal readonly record struct TopicChange(TopicChangeKind Kind, string Name = "", string? By = null, ReadOnlyMemory<byte> Json = default)
{
    private const byte Version = 1;

    /// <summary>The channel of a key: a name that every broker takes, whatever the key is called.</summary>
    public static string ChannelOf(TopicKey place) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{place.Topic.Name}{(place.Key is null ? "" : "/")}{place.Key}")).AsSpan(0, 16));

    public byte[] Encode(Guid sender, TopicKey place)
    {
        using var bytes = new MemoryStream();
        using (var writer = new BinaryWriter(bytes))
        {
            writer.Write(Version);
            writer.Write(sender.ToByteArray());
            writer.Write((byte)Kind);
            writer.Write(place.Topic.Name);
            Write(writer, place.Key);
            writer.Write(Name);
            Write(writer, By);
            writer.Write(Json.Span);
        }

        return bytes.ToArray();
    }

    /// <returns>Null if it was not written by this version of a node.</returns>
    public static (Guid Sender, string Topic, string? Key, TopicChange Change)? Decode(ReadOnlyMemory<byte> message)
    {
        try
        {
            using var bytes = new MemoryStream(message.ToArray());
            using var reader = new BinaryReader(bytes);
            if (reader.ReadByte() != Version)
                return null;
            var sender = new Guid(reader.ReadBytes(16));
            var kind = (TopicChangeKind)reader.ReadByte();
            var (topic, key) = (reader.ReadString(), Read(reader));
            var (name, by) = (reader.ReadString(), Read(reader));
            return (sender, topic, key, new TopicChange(kind, name, by, reader.ReadBytes((int)(bytes.Length - bytes.Position))));
        }
        catch (Exception e) when (e is IOException or FormatException or ArgumentException)
        {
            return null;
        }
    }

    private static void Write(BinaryWriter writer, string? text)
    {
        writer.Write(text is not null);
        if (text is not null)
            writer.Write(text);
    }

    private static string? Read(BinaryReader reader) => reader.ReadBoolean() ? reader.ReadString() : null;
}
