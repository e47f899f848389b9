using System.Text;
using CsCheck;
using Microsoft.Extensions.Time.Testing;

namespace Headwater.Tests;

/// <summary>What topics keep, for how long, and what a reader is told who comes back.</summary>
public sealed class TopicRingsTests
{
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly Topic topic = new("chat") { MaxMessages = 4 };

    /// <summary>
    /// Whatever is published, dropped and swept between two reads, a reader gets what it lacks, once and in order, or is told that it
    /// cannot. With the latest by key it lacks only what has not been replaced, and then it knows the newest of each.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_reader_gets_what_it_lacks_or_is_told(bool isLatestByKey) =>
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 2], Gen.Int[1, 3]).Array[0, 60].Sample(steps =>
        {
            var clock = new FakeTimeProvider();

            // No key is given up while it lasts: what others had would count as missed, to be safe.
            var rings = new TopicRings(new HeadwaterOptions { Heartbeat = TimeSpan.FromHours(1) }, Surroundings(clock));
            var declared = new Topic("chat") { IsLatestByKey = isLatestByKey, MaxMessages = 4, MaxAge = TimeSpan.FromSeconds(20) };
            TopicKey[] places = [new(declared, "a"), new(declared, "b")];
            var readers = new[] { new TopicReader(rings, [places[0]]), new TopicReader(rings, places), new TopicReader(rings, places) };
            var published = new List<(TopicKey Place, long Position, string By, DateTimeOffset At)>();
            var seen = readers.Select(_ => new List<long>()).ToArray();
            var from = new long[readers.Length];
            foreach (var reader in readers)
                reader.BeginAtNow();

            foreach (var (what, which, limit) in steps)
            {
                switch (what)
                {
                    case < 6:
                        var place = places[what % 2];
                        var at = rings.Publish(place, "said", Encoding.UTF8.GetBytes($"{published.Count}"), $"by-{which}");
                        published.Add((place, at.Value, $"by-{which}", clock.GetUtcNow()));
                        break;
                    case 6:
                        clock.Advance(TimeSpan.FromSeconds(7 * limit));
                        rings.Sweep();
                        break;
                    default:
                        from[which] = ReadAndCheck(readers[which], seen[which], from[which], rings, published, clock.GetUtcNow(), declared, limit);
                        break;
                }
            }
        }, iter: 3000);

    /// <returns>Where the reader stands, which is before everything if it begins with the latest values.</returns>
    private static long ReadAndCheck(
        TopicReader reader, List<long> seen, long from, TopicRings rings,
        List<(TopicKey Place, long Position, string By, DateTimeOffset At)> published, DateTimeOffset now, Topic topic, int limit)
    {
        var mine = published.Where(each => reader.Places.Contains(each.Place)).ToList();
        var page = new List<(TopicMessage Message, int Of, ViewPosition? Reached)>();
        var last = from;
        do
        {
            reader.Read(page, limit);
            if (reader.Gap is not TopicGap.None)
            {
                // Told only if something was dropped that it lacked and that still counted.
                Assert.Equal(TopicGap.Trimmed, reader.Gap);
                var lacked = mine.Where(each => each.Position > last).ToList();
                Assert.Contains(lacked, each => Dropped(each, mine, topic, now));
                reader.BeginAtNow();
                seen.Clear();
                return topic.IsLatestByKey ? 0 : rings.Position.Value;
            }

            foreach (var (message, of, _) in page)
            {
                Assert.True(message.Position.Value > last);
                Assert.Equal(message.Place, reader.Places[of]);
                last = message.Position.Value;
                seen.Add(last);
            }
        }
        while (page.Count > 0);

        foreach (var each in mine.Where(each => each.Position > from))
        {
            var isReplaced = topic.IsLatestByKey
                && mine.Exists(later => later.Place == each.Place && later.By == each.By && later.Position > each.Position);

            // Who begins with the latest values is given what is kept: what was dropped before it began it does not lack.
            if (!isReplaced && (from > 0 || !Dropped(each, mine, topic, now)))
                Assert.True(seen.Contains(each.Position), $"{each.Position} is missing in {string.Join(",", seen)}, from {from}");
        }

        return rings.Position.Value;
    }

    /// <summary>Whether it may have been dropped: it is old enough, or enough of its key has come behind it.</summary>
    private static bool Dropped(
        (TopicKey Place, long Position, string By, DateTimeOffset At) each,
        List<(TopicKey Place, long Position, string By, DateTimeOffset At)> mine, Topic topic, DateTimeOffset now) =>
        now - each.At >= topic.MaxAge
        || mine.Count(later => later.Place == each.Place && later.Position > each.Position) >= (topic.IsLatestByKey ? 3 : topic.MaxMessages);

    [Fact]
    public void Only_the_newest_of_each_counts_and_a_silent_one_is_not_pushed_out_by_a_busy_one()
    {
        var rings = Rings(time);
        var place = new TopicKey(topic with { IsLatestByKey = true }, "room");
        Publish(rings, place, "0", by: "silent");
        for (var i = 1; i <= 100; i++)
            Publish(rings, place, $"{i}", by: "busy");

        var reader = new TopicReader(rings, [place]);
        reader.BeginAtNow();
        Assert.Equal(["0", "100"], Read(reader));
        Publish(rings, place, "101", by: "busy");
        Assert.Equal(["101"], Read(reader));
    }

    [Fact]
    public void Bytes_are_bounded_by_key_and_in_all()
    {
        var rings = new TopicRings(new HeadwaterOptions { TopicBytes = 1 << 20 }, Surroundings(time));
        var small = new TopicKey(new Topic("small") { MaxMessages = 1000 }, "room");
        var large = new TopicKey(new Topic("large") { MaxMessages = 100_000, MaxBytes = 1 << 30, MaxMessageBytes = 1 << 20 }, null);
        Publish(rings, small, "0");
        for (var i = 0; i < 400; i++)
            Publish(rings, large, $"\"{new string('x', 10_000)}\"");

        Assert.InRange(rings.Use(large, isKnown: true).Bytes, 1, 1 << 20);
        var reader = new TopicReader(rings, [small]);
        reader.BeginAtStart();
        Assert.Equal(["0"], Read(reader));
    }

    [Fact]
    public void A_position_of_another_process_or_beyond_the_end_cannot_go_on_and_one_that_has_seen_nothing_can()
    {
        var (rings, other) = (Rings(time), Rings(time, seed: 2));
        var place = new TopicKey(topic, "room");
        Publish(rings, place, "1");
        Publish(other, place, "2");
        foreach (var (told, gap) in new[]
        {
            (rings.At(rings.Position), TopicGap.None), (other.At(other.Position), TopicGap.Restarted),
            (rings.At(new Position(99)), TopicGap.Restarted), (other.At(Position.Start), TopicGap.None),
        })
        {
            var reader = new TopicReader(rings, [place]);
            reader.Resume([told]);
            Read(reader);
            Assert.Equal(gap, reader.Gap);
        }
    }

    [Fact]
    public void A_key_that_nobody_uses_is_given_up_and_its_number_is_bounded()
    {
        var rings = Rings(time);
        var limited = topic with { MaxKeys = 2, MaxAge = TimeSpan.FromSeconds(10) };
        Publish(rings, new TopicKey(limited, "1"), "1");
        Publish(rings, new TopicKey(limited, "2"), "2");
        var refused = Assert.Throws<TopicRefusedException>(() => Publish(rings, new TopicKey(limited, "3"), "3"));
        Assert.Equal(TopicRefusal.Full, refused.Refusal);

        time.Advance(TimeSpan.FromMinutes(2));
        rings.Sweep();
        Assert.Equal(0, rings.Count);
        Publish(rings, new TopicKey(limited, "3"), "3");
    }

    /// <summary>Who waits for a key that was given up must hear of what is published next, though that is in another ring.</summary>
    [Fact]
    public void Who_follows_a_key_that_was_given_up_misses_nothing()
    {
        var rings = Rings(time);
        var place = new TopicKey(topic, "room");
        var reader = new TopicReader(rings, [place]);
        reader.BeginAtNow();
        var more = reader.Advanced.Single();
        time.Advance(TimeSpan.FromMinutes(2));
        rings.Sweep();
        Assert.True(more.IsCompleted);

        more = reader.Advanced.Single();
        Assert.False(more.IsCompleted);
        Publish(rings, place, "1");
        Assert.True(more.IsCompleted);
        Assert.Equal(["1"], Read(reader));
        Assert.Equal(TopicGap.None, reader.Gap);
    }

    [Fact]
    public void A_position_before_what_a_given_up_key_had_cannot_go_on()
    {
        var rings = Rings(time);
        var place = new TopicKey(topic, "room");
        var before = rings.At(rings.Position);
        var after = rings.At(Publish(rings, place, "1"));
        time.Advance(topic.MaxAge + TimeSpan.FromMinutes(2));
        rings.Sweep();
        Assert.Equal(0, rings.Count);

        var (early, late) = (new TopicReader(rings, [place]), new TopicReader(rings, [place]));
        early.Resume([before]);
        late.Resume([after]);
        Read(early);
        Read(late);
        Assert.Equal((TopicGap.Trimmed, TopicGap.None), (early.Gap, late.Gap));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Said")]
    [InlineData("reset")]
    [InlineData("joined")]
    [InlineData("message")]
    [InlineData("a b")]
    [InlineData("a\nb")]
    public void A_name_that_means_something_else_is_refused(string name)
    {
        var refused = Assert.Throws<TopicRefusedException>(() => Rings(time).Publish(new TopicKey(topic, null), name, "1"u8.ToArray(), null));
        Assert.Equal(TopicRefusal.BadName, refused.Refusal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("1 2")]
    [InlineData("{\"a\":1}x")]
    [InlineData("\"\u0001\"")]
    public void What_is_no_JSON_is_refused(string json)
    {
        var refused = Assert.Throws<TopicRefusedException>(() => Publish(Rings(time), new TopicKey(topic, null), json));
        Assert.Equal(TopicRefusal.NotJson, refused.Refusal);
    }

    [Fact]
    public void What_is_no_UTF8_or_too_large_or_by_nobody_that_can_be_is_refused()
    {
        var (rings, place) = (Rings(time), new TopicKey(topic, null));
        Refused(TopicRefusal.NotJson, () => rings.Publish(place, "said", new byte[] { (byte)'"', 0xC3, 0x28, (byte)'"' }, null));
        Refused(TopicRefusal.TooLarge, () => Publish(rings, place, $"\"{new string('x', topic.MaxMessageBytes)}\""));
        Refused(TopicRefusal.BadKey, () => Publish(rings, place, "1", by: "a\u0000"));
        Refused(TopicRefusal.BadKey, () => Publish(rings, place, "1", by: new string('x', 257)));
        Refused(TopicRefusal.BadKey, () => rings.Join(place, "", default, null));
        Assert.Equal(new Position(1), rings.Position);

        static void Refused(TopicRefusal refusal, Action act) => Assert.Equal(refusal, Assert.Throws<TopicRefusedException>(act).Refusal);
    }

    internal static TopicRings Rings(FakeTimeProvider time, int seed = 1) => new(new HeadwaterOptions(), Surroundings(time, seed));

    internal static Surroundings Surroundings(FakeTimeProvider time, int seed = 1) => new(time, TaskScheduler.Default, new Random(seed), Guid.NewGuid);

    internal static List<string> Read(TopicReader reader)
    {
        var page = new List<(TopicMessage Message, int Of, ViewPosition? Reached)>();
        reader.Read(page, 100);
        return [.. page.Select(each => Encoding.UTF8.GetString(each.Message.Json.Span))];
    }

    private static Position Publish(TopicRings rings, TopicKey place, string json, string? by = null) =>
        rings.Publish(place, "said", Encoding.UTF8.GetBytes(json), by);
}
