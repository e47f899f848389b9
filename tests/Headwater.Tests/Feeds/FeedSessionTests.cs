namespace Headwater.Tests;

public sealed class FeedSessionTests
{
    [Fact]
    public async Task An_event_feed_delivers_every_event_that_has_a_contract()
    {
        await using var world = await FeedWorld.Start();
        var session = await world.Follow(null, "orders");
        await world.Open("1", "Ada");
        await world.AddLine("1");
        await world.Append("1", new OrderEvent.Removed());
        await world.Open("2", "Bob");
        await world.Settle();

        var items = await session.Drain();
        Assert.Equal(
        [
            """order-opened {"order":"1","customer":"Ada"}""", """line-added.v2 {"order":"1","product":"pen"}""",
            """order-opened {"order":"2","customer":"Bob"}""",
        ], items.Texts());
        Assert.Equal([1, 2, 4], items.Select(item => item.Cursor!.Value.Position.Value));
        Assert.Equal(new Position(4), session.Cursor.Position);
        Assert.Empty(await session.Drain());
    }

    [Fact]
    public async Task An_event_feed_with_a_key_delivers_one_stream()
    {
        await using var world = await FeedWorld.Start();
        var session = await world.Follow(null, "orders/2");
        await world.Open("1", "Ada");
        await world.Open("2", "Bob");
        await world.Open("3", "Cleo");
        await world.Settle();

        Assert.Equal(["""order-opened {"order":"2","customer":"Bob"}"""], (await session.Drain()).Texts());
        Assert.Equal(new Position(3), session.Cursor.Position);
    }

    [Fact]
    public async Task Two_event_feeds_on_one_connection_deliver_what_either_wants()
    {
        await using var world = await FeedWorld.Start();
        var session = await world.Follow("start", "orders/1", "orders/3");
        foreach (var key in new[] { "1", "2", "3", "4" })
            await world.Open(key);
        await world.Settle();

        var items = await session.Drain();
        Assert.Equal([1, 3], items.Select(item => item.Cursor!.Value.Position.Value));
        Assert.Equal(new Position(4), session.Cursor.Position);
    }

    [Fact]
    public async Task An_event_in_two_feeds_of_one_connection_has_its_cursor_on_the_last_frame()
    {
        await using var world = await FeedWorld.Start();
        var session = await world.Follow("start", "orders", "orders/1");
        await world.Open("1");
        await world.Settle();

        var items = await session.Drain();
        Assert.Equal(2, items.Count);
        Assert.Null(items[0].Cursor);
        Assert.Equal(new Position(1), items[1].Cursor!.Value.Position);
    }

    [Fact]
    public async Task A_frame_is_made_once_for_all_connections()
    {
        await using var world = await FeedWorld.Start();
        FeedSession[] sessions = [await world.Follow(null, "orders"), await world.Follow(null, "orders/1"), await world.Follow("start", "orders")];
        await world.Open("1");
        await world.Settle();

        var frames = new List<Frame>();
        foreach (var session in sessions)
            frames.Add(Assert.Single(await session.Drain()).Frame);
        Assert.Single(frames.Distinct());
        var made = 0;
        var encoded = frames.Select(frame => frame.Encoded(_ => [(byte)made++])).ToList();
        Assert.Equal(1, made);
    }

    [Fact]
    public async Task A_view_feed_delivers_the_newest_state_of_each_row()
    {
        await using var world = await FeedWorld.Start();
        await world.Open("1", "Ada");
        await world.Open("2", "Bob");
        await world.Settle();
        var session = await world.Follow(null, "board");
        for (var i = 0; i < 10; i++)
            await world.AddLine("1");
        await world.AddLine("2");
        await world.Settle();

        Assert.Equal(
        [
            """board-row {"key":"1","row":{"customer":"Ada","quantity":10}}""", """board-row {"key":"2","row":{"customer":"Bob","quantity":1}}""",
        ], (await session.Drain()).Texts());
    }

    [Fact]
    public async Task A_view_feed_tells_deletions()
    {
        await using var world = await FeedWorld.Start();
        var session = await world.Follow(null, "board");
        await world.Open("1");
        await world.Settle();
        await session.Drain();
        await world.Append("1", new OrderEvent.Removed());
        await world.Settle();

        Assert.Equal(["""board-row {"key":"1","row":null}"""], (await session.Drain()).Texts());
    }

    [Fact]
    public async Task A_view_feed_with_a_key_delivers_one_row()
    {
        await using var world = await FeedWorld.Start();
        var session = await world.Follow("start", "board/2");
        foreach (var key in new[] { "1", "2", "3" })
            await world.Open(key);
        await world.Settle();

        Assert.Equal(["""board-row {"key":"2","row":{"customer":"Ada","quantity":0}}"""], (await session.Drain()).Texts());
        Assert.Equal("board", Assert.Single(session.Cursor.Views).View);
        Assert.Equal(new Position(3), session.Cursor.Position);
    }

    [Theory]
    [InlineData("orders")]
    [InlineData("board")]
    public async Task Without_a_cursor_it_begins_now_and_start_means_everything(string feed)
    {
        await using var world = await FeedWorld.Start();
        await world.Open("1");
        await world.Settle();
        var now = await world.Follow(null, feed);
        var start = await world.Follow("start", feed);

        Assert.Empty(await now.Drain());
        Assert.Single(await start.Drain());
        Assert.Equal(now.Cursor, start.Cursor);
        Assert.Equal(new Position(1), now.Cursor.Position);
    }

    [Fact]
    public async Task A_quiet_filtered_feed_advances_all_the_same()
    {
        await using var world = await FeedWorld.Start();
        var session = await world.Follow(null, "orders/quiet", "board/quiet");
        for (var i = 0; i < 5; i++)
            await world.Open("loud");
        await world.Settle();

        Assert.Empty(await session.Drain());
        Assert.Equal(new Position(5), session.Cursor.Position);
        Assert.Equal(new Position(5), session.Cursor.In("board")!.Value.Position);
        Assert.Equal(ResetReason.None, (await world.Follow(session.Cursor.ToString(), "orders/quiet", "board/quiet")).Reset);
    }

    [Fact]
    public async Task More_completes_when_there_is_more()
    {
        await using var world = await FeedWorld.Start();
        var session = await world.Follow(null, "orders", "board");
        await session.Drain();
        var more = session.More;
        Assert.False(more.IsCompleted);

        await world.Open("1");
        await more.WaitAsync(TimeSpan.FromSeconds(20), World.Cancel);
    }

    [Fact]
    public async Task Nobody_may_follow_a_feed_without_a_rule_and_the_rule_is_asked_each_time()
    {
        var asked = new List<FeedSubscriber>();
        await using var world = await World.Start(headwater => headwater
            .AddProjection<OrderRows, OrderRow>("board")
            .AddFeed("closed", feed => feed.Rows("board", "row"))
            .AddFeed("ruled", feed => feed.Rows("board", "row").Allow((subscriber, _) =>
            {
                asked.Add(subscriber);
                return ValueTask.FromResult(subscriber.Key == "mine");
            })));
        var user = new System.Security.Claims.ClaimsPrincipal();

        Assert.False(await world.Node.Feeds["closed"].Allows(new FeedSubscriber(user, "closed", null), World.Cancel));
        Assert.True(await world.Node.Feeds["ruled"].Allows(new FeedSubscriber(user, "ruled", "mine"), World.Cancel));
        Assert.False(await world.Node.Feeds["ruled"].Allows(new FeedSubscriber(user, "ruled", null), World.Cancel));
        Assert.Equal(["mine", null], asked.Select(each => each.Key));
    }

    [Fact]
    public async Task A_feed_by_tag_delivers_what_carries_the_tag()
    {
        await using var world = await World.Start(
            headwater => headwater.AddFeed("customers", feed => feed.EventsByTag("customer")
                .Contract<OrderEvent.Opened, OrderOpened>("opened", (e, happened) => new(happened.Stream.Key, e.Customer)).AllowAnonymous()),
            orders: type => type.Tags((order, _) => order.Customer is { } customer ? [new Tag("customer", customer)] : []));
        await world.Orders.Execute("1", new Open("Ada"), cancel: World.Cancel);
        await world.Orders.Execute("2", new Open("Bob"), cancel: World.Cancel);
        await world.Settle();

        var session = await world.Follow("start", "customers/Bob");
        Assert.Equal(["""opened {"order":"2","customer":"Bob"}"""], (await session.Drain()).Texts());
    }
}
