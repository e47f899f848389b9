using CsCheck;

namespace Headwater.Tests;

/// <summary>What one node tells another, and what it makes of anything else.</summary>
public sealed class TopicChangeTests
{
    private static readonly Topic topic = new("chat");
    private static readonly Gen<string> text = Gen.String[Gen.Char['\0', '\u2fff'], 0, 50];

    [Fact]
    public void What_is_written_is_read() =>
        Gen.Select(text, text, Gen.Byte.Array, Gen.Bool).Sample((name, by, json, isBare) =>
        {
            var place = new TopicKey(topic, isBare ? null : by);
            var change = new TopicChange(TopicChangeKind.Joined, name, isBare ? null : by, json);
            var sender = Guid.NewGuid();
            var read = TopicChange.Decode(change.Encode(sender, place))!.Value;
            Assert.Equal((sender, "chat", place.Key, change.Kind, name, change.By), (read.Sender, read.Topic, read.Key, read.Change.Kind, read.Change.Name, read.Change.By));
            Assert.Equal(json, read.Change.Json.ToArray());
        });

    /// <summary>Anybody may write on a channel; nothing of it may end the loop that reads.</summary>
    [Fact]
    public void Anything_else_is_nothing() =>
        Gen.Select(Gen.Byte.Array, Gen.Int[0, 60], Gen.Byte).Sample((noise, at, flip) =>
        {
            TopicChange.Decode(noise);
            var message = new TopicChange(TopicChangeKind.Published, "said", "ann", "{}"u8.ToArray()).Encode(Guid.NewGuid(), new TopicKey(topic, "room"));
            message[at % message.Length] ^= flip;
            TopicChange.Decode(message);
            TopicChange.Decode(message.AsMemory(0, at % message.Length));
        });

    [Fact]
    public void Two_keys_have_two_channels_that_every_broker_takes()
    {
        string[] channels = [.. new string?[] { null, "", "a", "b", "a/b", "*", ">", "a b", "\u00e9" }.Select(key => TopicChange.ChannelOf(new TopicKey(topic, key)))];
        Assert.Equal(channels.Length, channels.Distinct().Count());
        Assert.All(channels, channel => Assert.Matches("^[0-9a-f]{32}$", channel));
    }
}
