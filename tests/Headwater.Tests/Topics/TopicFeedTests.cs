using System.Text;

namespace Headwater.Tests;

/// <summary>Topics as clients follow them, alone and beside feeds of the log, and as the application does.</summary>
public sealed class TopicFeedTests : IAsyncLifetime
{
    private World world = null!;

    private Topics Topics => world.Node.Topics!;

    public async ValueTask InitializeAsync() => world = await World.Start(headwater =>
    {
        FeedWorld.Declare(new OrderRows())(headwater);
        Declare(headwater);
    });

    public ValueTask DisposeAsync() => world.DisposeAsync();

    private static void Declare(HeadwaterBuilder headwater) => headwater
        .AddTopic("chat", topic => topic.AllowAnonymous().Keep(messages: 3))
        .AddTopic("state", topic => topic.AllowAnonymous().LatestByKey());

    [Fact]
    public async Task A_client_begins_at_now_and_goes_on_where_it_was()
    {
        Say("a");
        var session = await world.Follow(null, "chat/room");
        Assert.Empty(await session.Drain());
        Say("b");
        Say("elsewhere", key: "other");
        Say("c");
        var items = await session.Drain();
        Assert.Equal(["said \"b\"", "said \"c\""], items.Texts());

        var resumed = await world.Follow(items[0].Cursor.ToString(), "chat/room");
        Assert.Equal(["said \"c\""], (await resumed.Drain()).Texts());
        Assert.Equal(["said \"a\"", "said \"b\"", "said \"c\""], (await (await world.Follow("start", "chat/room")).Drain()).Texts());
    }

    [Fact]
    public async Task A_topic_of_the_latest_begins_with_what_it_has_and_the_cursor_waits_for_that()
    {
        for (var i = 0; i < 3; i++)
            Topics.PublishJson("state", null, "progress", Encoding.UTF8.GetBytes($"{i}"), "job");
        Topics.PublishJson("state", null, "progress", "9"u8.ToArray(), "other");
        var session = await world.Follow(null, "state", "chat/room");

        // Cut off before it has got them, it must get them again.
        var cut = session.Cursor.ToString();
        Assert.DoesNotContain("_topics", cut, StringComparison.Ordinal);
        Assert.Equal(["progress 2", "progress 9"], (await session.Drain()).Texts());
        Assert.Equal(["progress 2", "progress 9"], (await (await world.Follow(cut, "state", "chat/room")).Drain()).Texts());
        Assert.Contains("_topics", session.Cursor.ToString(), StringComparison.Ordinal);
        Assert.Empty(await (await world.Follow(session.Cursor.ToString(), "state", "chat/room")).Drain());
    }

    [Fact]
    public async Task Who_was_away_for_too_long_is_told_and_goes_on()
    {
        var session = await world.Follow(null, "chat/room");
        for (var i = 0; i < 4; i++)
            Say($"{i}");
        var reset = Assert.Single(await session.Drain());
        Assert.Equal("reset", reset.Frame.Name);
        Assert.Contains("""{"reason":"trimmed","cursor":""", reset.Text(), StringComparison.Ordinal);
        Assert.Contains("\"feeds\":[\"chat/room\"]", reset.Text(), StringComparison.Ordinal);

        Say("again");
        Assert.Equal(["said \"again\""], (await session.Drain()).Texts());
        Assert.Equal(["said \"again\""], (await (await world.Follow(reset.Cursor.ToString(), "chat/room")).Drain()).Texts());
    }

    /// <summary>The log survives what topics do not: a restart costs a client its place in topics and not one event.</summary>
    [Fact]
    public async Task After_a_restart_only_the_topics_begin_anew()
    {
        var session = await world.Follow(null, "orders", "board", "chat/room");
        Say("before");
        Assert.Single(await session.Drain());
        var cursor = session.Cursor.ToString();
        await world.Open("1");
        await world.Settle();

        await using var other = await world.StartAnother(headwater =>
        {
            FeedWorld.Declare(new OrderRows())(headwater);
            Declare(headwater);
        });
        var resumed = await FeedSession.Open(
            other.Log, [new(other.Node.Feeds["orders"], null), new(other.Node.Feeds["board"], null), new(other.Node.Feeds["chat"], "room")],
            [OfAnother(cursor)], 100, World.Cancel);
        Assert.Equal(ResetReason.None, resumed.Reset);
        await other.Settle();
        var items = await resumed.Drain();
        Assert.Equal(["order-opened", "board-row", "reset"], items.Select(item => item.Frame.Name));
        Assert.Contains("\"reason\":\"restarted\"", items[^1].Text(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cursor_that_says_nothing_of_topics_begins_at_now_and_one_of_topics_is_good_on_any_feed()
    {
        Say("before");
        var session = await world.Follow($"{world.Log.Tail.Epoch}.0", "orders", "chat/room");
        await world.Open("1");
        await world.Settle();
        Say("after");
        Assert.Equal(["order-opened", "said"], (await session.Drain()).Select(item => item.Frame.Name));
        var elsewhere = await world.Follow(session.Cursor.ToString(), "orders", "board");
        Assert.Equal(ResetReason.None, elsewhere.Reset);
    }

    [Fact]
    public async Task A_message_wakes_who_waits_and_events_do_too()
    {
        var session = await world.Follow(null, "orders", "chat/room");
        foreach (var act in new[] { () => { Say("a"); return Task.CompletedTask; }, () => world.Open("1") })
        {
            await session.Drain();
            var more = session.More;
            Assert.False(more.IsCompleted);
            await act();
            await more.WaitAsync(TimeSpan.FromSeconds(20), World.Cancel);
        }
    }

    [Fact]
    public async Task Two_rooms_come_in_the_order_in_which_they_were_published_to_page_by_page()
    {
        var session = await FeedSession.Open(
            world.Log, [new(world.Node.Feeds["chat"], "1"), new(world.Node.Feeds["chat"], "2")], [], 2, World.Cancel);
        for (var i = 0; i < 5; i++)
            Say($"{i}", key: i % 2 == 0 ? "1" : "2");
        var items = await session.Drain();
        Assert.Equal(Enumerable.Range(0, 5).Select(i => $"said \"{i}\""), items.Texts());
        var resumed = await FeedSession.Open(
            world.Log, [new(world.Node.Feeds["chat"], "1"), new(world.Node.Feeds["chat"], "2")], [items[2].Cursor.ToString()!], 2, World.Cancel);
        Assert.Equal(["said \"3\"", "said \"4\""], (await resumed.Drain()).Texts());
    }

    [Fact]
    public async Task The_application_follows_too_and_is_told_what_it_missed()
    {
        await using var messages = Topics.Follow("chat", "room", World.Cancel).GetAsyncEnumerator(World.Cancel);
        Say("a");
        Assert.Equal("said", await Next());
        var next = Next();
        Say("b");
        Assert.Equal("said", await next);
        for (var i = 0; i < 9; i++)
            Say($"{i}");
        Assert.Equal("reset", await Next());
        Say("c");
        Assert.Equal("said", await Next());
        Assert.Equal("\"c\"", Encoding.UTF8.GetString(messages.Current.Json.Span));

        async Task<string> Next()
        {
            Assert.True(await messages.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20), World.Cancel));
            return messages.Current.Name;
        }
    }

    [Fact]
    public async Task Time_alone_lets_the_silent_leave_and_the_old_go()
    {
        var session = await world.Follow(null, "chat/room");
        Topics.Join("chat", "room", "ann");
        Assert.Equal("joined", Assert.Single(await session.Drain()).Frame.Name);
        var items = new List<FeedItem>();
        await world.Until(async () =>
        {
            items.AddRange(await session.Drain());
            return items.Count > 0;
        }, tick: TimeSpan.FromSeconds(1));
        Assert.Equal("""left {"member":"ann","reason":"expired"}""", Assert.Single(items).Text());
    }

    [Fact]
    public void An_unknown_topic_is_named_and_so_are_those_there_are()
    {
        var refused = Assert.Throws<TopicRefusedException>(() => Topics.Publish("chta", null, "said", "x"));
        Assert.Equal(TopicRefusal.UnknownTopic, refused.Refusal);
        Assert.Contains("chat, state", refused.Message, StringComparison.Ordinal);
        Assert.Equal(TopicRefusal.BadKey, Assert.Throws<TopicRefusedException>(() => Topics.Join("chat", "a\nb", "ann")).Refusal);
    }

    [Fact]
    public void A_feed_and_a_topic_cannot_share_a_name()
    {
        var error = Assert.Throws<InvalidOperationException>(() => World.Create(headwater =>
        {
            FeedWorld.Declare(new OrderRows())(headwater);
            headwater.AddTopic("orders", topic => topic.AllowAnonymous());
        }));
        Assert.Contains("'orders'", error.Message, StringComparison.Ordinal);
    }

    private void Say(string text, string key = "room") => Topics.PublishJson("chat", key, "said", Encoding.UTF8.GetBytes($"\"{text}\""));

    /// <summary>The cursor with the topics' generation of another process; in tests chance is the same in all.</summary>
    private static string OfAnother(string cursor) => cursor.Replace("~_topics.", "~_topics.1", StringComparison.Ordinal);
}
