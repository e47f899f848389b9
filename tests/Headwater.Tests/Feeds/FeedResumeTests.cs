namespace Headwater.Tests;

/// <summary>A client that comes back with a cursor goes on there, and loses nothing.</summary>
public sealed class FeedResumeTests
{
    /// <summary>
    /// The first trap of the design: the event of 2 is delivered while the board still stands at 1. Whoever resumes from that
    /// event's cursor must get the board's row of 2 all the same.
    /// </summary>
    [Fact]
    public async Task A_resume_from_an_events_cursor_does_not_miss_a_row_of_a_read_model_that_lagged()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var orders = new OrderRows { Before = happened => happened.Position.Value == 2 ? new ValueTask(gate.Task) : ValueTask.CompletedTask };
        await using var world = await FeedWorld.Start(orders);
        var session = await world.Follow("start", "orders", "board");
        await world.Open("1");
        await world.Settle();
        await session.Drain();
        await world.Open("2");
        await world.Until(() => world.Node.Tail.Position.Value == 2);

        var item = Assert.Single(await session.Drain());
        Assert.Equal("order-opened", item.Frame.Name);
        Assert.Equal((new Position(2), new Position(1)), (item.Cursor!.Value.Position, item.Cursor.Value.In("board")!.Value.Position));

        var resumed = await world.Follow(item.Cursor.Value.ToString(), "orders", "board");
        gate.SetResult();
        await world.Settle();
        Assert.Equal(["""board-row {"key":"2","row":{"customer":"Ada","quantity":0}}"""], (await resumed.Drain()).Texts());
    }

    [Fact]
    public async Task A_cursor_that_says_nothing_about_a_read_model_misses_no_row_of_it()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var orders = new OrderRows { Before = _ => new ValueTask(gate.Task) };
        await using var world = await FeedWorld.Start(orders);
        var position = await world.Open("1");

        var session = await world.Follow(world.Log.CursorAfter(position).ToString(), "board");
        gate.SetResult();
        await world.Settle();
        Assert.Single(await session.Drain());
    }

    /// <summary>A client cut off after any item and resuming ends with the same rows and events as one that was not.</summary>
    [Fact]
    public async Task A_client_cut_off_anywhere_loses_nothing_and_gets_no_event_twice()
    {
        await using var world = await FeedWorld.Start(configure: options => options.PageSize = 4);
        for (var i = 0; i < 12; i++)
            await (i % 4 == 3 ? world.AddLine($"{i % 3}") : world.Open($"{i % 3}"));
        await world.Settle();
        var whole = await (await world.Follow("start", "orders", "board", "parts")).Drain();

        for (var cut = 1; cut <= 7; cut++)
        {
            var (seen, cursor) = (new List<FeedItem>(), "start");
            for (var isLive = true; isLive;)
            {
                var session = await world.Follow(cursor, "orders", "board", "parts");
                Assert.Equal(ResetReason.None, session.Reset);
                var items = await session.Drain();

                // The connection breaks after some items, with one cursor among them at least, or this would never end.
                var got = items.Take(Math.Max(cut, 1 + items.FindIndex(item => item.Cursor is not null))).ToList();
                isLive = got.Count < items.Count;
                cursor = got.FindLast(item => item.Cursor is not null).Cursor?.ToString() ?? cursor;
                seen.AddRange(got);
            }

            string[] events = ["order-opened", "line-added.v2"];
            Assert.Equal(whole.Where(item => events.Contains(item.Frame.Name)).Texts(), seen.Where(item => events.Contains(item.Frame.Name)).Texts());
            Assert.True(whole.Texts().ToHashSet().SetEquals(seen.Texts()));
        }
    }

    [Fact]
    public async Task Rows_changed_by_one_event_have_their_cursor_on_the_last_of_them()
    {
        await using var world = await FeedWorld.Start(configure: options => options.PageSize = 2);
        foreach (var key in new[] { "1", "2", "3" })
            await world.Open(key);
        await world.Settle();

        var items = await (await world.Follow("start", "parts")).Drain();
        Assert.Equal(9, items.Count);
        Assert.Equal([false, false, true, false, false, true, false, false, true], items.Select(item => item.Cursor is not null));
        Assert.Equal([1, 2, 3], items.Where(item => item.Cursor is not null).Select(item => item.Cursor!.Value.Position.Value));
    }

    [Fact]
    public async Task A_read_model_followed_twice_is_resumed_where_both_have_been()
    {
        await using var world = await FeedWorld.Start();
        foreach (var key in new[] { "1", "2" })
            await world.Open(key);
        await world.Settle();
        var session = await world.Follow("start", "board", "board/1");

        var items = await session.Drain();
        Assert.Equal(3, items.Count);
        Assert.Single(session.Cursor.Views);
        Assert.Empty(await (await world.Follow(session.Cursor.ToString(), "board", "board/1")).Drain());
        Assert.Equal(2, (await (await world.Follow(items[0].Cursor!.Value.ToString(), "board")).Drain()).Count);
    }
}
