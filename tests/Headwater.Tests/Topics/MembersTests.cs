using System.Text;
using Microsoft.Extensions.Time.Testing;

namespace Headwater.Tests;

/// <summary>Who is there, and what is told of it.</summary>
public sealed class MembersTests
{
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly TopicKey place = new(new Topic("chat") { MaxMembers = 2 }, "room");
    private readonly TopicRings rings;
    private readonly TopicReader reader;

    public MembersTests()
    {
        rings = TopicRingsTests.Rings(time);
        reader = new TopicReader(rings, [place]);
        reader.BeginAtNow();
    }

    [Fact]
    public void What_changes_is_told_and_what_does_not_is_not()
    {
        Join("ann");
        Join("ann");
        Join("ann", """{"mood":"fine"}""");
        rings.Leave(place, "ann", null);
        rings.Leave(place, "ann", null);

        Assert.Equal(
            [
                """{"member":"ann","meta":null}""", """{"member":"ann","meta":{"mood":"fine"}}""", """{"member":"ann","reason":"left"}""",
            ], TopicRingsTests.Read(reader));
        Assert.Empty(rings.MembersOf(place).Members);
    }

    [Fact]
    public void Who_is_silent_for_too_long_has_left_and_who_is_not_stays()
    {
        Join("ann");
        Join("bob");
        TopicRingsTests.Read(reader);
        for (var i = 0; i < 5; i++)
        {
            time.Advance(TimeSpan.FromSeconds(10));
            Join("bob");
            rings.Sweep();
        }

        Assert.Equal(["""{"member":"ann","reason":"expired"}"""], TopicRingsTests.Read(reader));
        Assert.Equal(["bob"], rings.MembersOf(place).Members.Select(member => member.Name));
    }

    [Fact]
    public void Nobody_takes_over_what_is_somebody_elses()
    {
        Join("ann", owner: "1");
        foreach (var other in new[] { "2", null })
        {
            Assert.Equal(TopicRefusal.NotYours, Assert.Throws<TopicRefusedException>(() => Join("ann", owner: other)).Refusal);
            Assert.Equal(TopicRefusal.NotYours, Assert.Throws<TopicRefusedException>(() => rings.Leave(place, "ann", other)).Refusal);
        }

        Join("bob");
        Assert.Equal(TopicRefusal.Full, Assert.Throws<TopicRefusedException>(() => Join("cid")).Refusal);
        Assert.Equal(2, rings.MembersOf(place).Members.Count);
    }

    [Fact]
    public void In_a_topic_of_the_latest_the_last_word_on_a_member_counts()
    {
        var latest = new TopicKey(place.Topic with { IsLatestByKey = true }, "room");
        rings.Join(latest, "ann", default, null);
        rings.Join(latest, "bob", default, null);
        rings.Leave(latest, "ann", null);

        var late = new TopicReader(rings, [latest]);
        late.BeginAtNow();
        Assert.Equal(["""{"member":"bob","meta":null}""", """{"member":"ann","reason":"left"}"""], TopicRingsTests.Read(late));
    }

    private void Join(string member, string meta = "", string? owner = null) => rings.Join(place, member, Encoding.UTF8.GetBytes(meta), owner);
}
