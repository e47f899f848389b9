namespace Headwater.Tests;

public sealed class ViewTailTests
{
    [Fact]
    public async Task A_thousand_followers_of_a_view_cost_the_store_no_more_than_one()
    {
        ReadChangesGate? models = null;
        await using var world = await World.Start(
            FeedWorld.Declare(new OrderRows()), store => new Adapters(ReadModels: models = new ReadChangesGate(store)));
        var sessions = new List<FeedSession>();
        for (var i = 0; i < 1000; i++)
            sessions.Add(await world.Follow(null, "board"));
        var readsBefore = models!.ChangesRead;
        for (var i = 0; i < 50; i++)
            await world.Open($"{i}");
        await world.Settle();

        var frames = new HashSet<Frame>();
        foreach (var session in sessions)
        {
            var items = await session.Drain();
            Assert.Equal(50, items.Count);
            frames.UnionWith(items.Select(item => item.Frame));
        }

        // Two read models, and a look at each after every commit of either and every append.
        Assert.InRange(models.ChangesRead - readsBefore, 1, 2 * 3 * 50);
        Assert.Equal(50, frames.Count);
    }

    [Fact]
    public async Task A_follower_that_fell_out_of_memory_reads_from_the_store_and_misses_nothing()
    {
        await using var world = await FeedWorld.Start(configure: options => (options.TailEvents, options.PageSize) = (16, 7));
        var slow = await world.Follow(null, "parts");
        for (var i = 0; i < 60; i++)
            await world.Open($"{i}");
        await world.Settle();

        var rows = (await slow.Drain()).Texts().ToList();
        Assert.Equal(180, rows.Count);
        Assert.Equal(180, rows.Distinct().Count());
    }

    /// <summary>Followers read while the tail is being filled, in groups of three rows: never a part of a group, never a loss.</summary>
    [Fact]
    public async Task Followers_that_read_while_the_tail_is_filled_get_every_group_whole()
    {
        await using var world = await FeedWorld.Start(configure: options => (options.TailEvents, options.PageSize) = (64, 5));
        const int last = 150;
        var appending = Task.Run(async () =>
        {
            for (var i = 1; i <= last; i++)
                await world.Open($"{i}");
        }, World.Cancel);

        var followers = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            var session = await world.Follow("start", "parts");
            var (rows, page) = (new List<string>(), new List<FeedItem>());
            while (session.Cursor.Position.Value < last)
            {
                var more = session.More;
                var moved = await session.Read(page, World.Cancel);
                Assert.True(page.Count == 0 || page[^1].Cursor is not null, "A page ends in the middle of a group.");
                rows.AddRange(page.Texts());
                if (!moved)
                    await more.WaitAsync(TimeSpan.FromSeconds(20), World.Cancel);
            }

            return rows;
        }, World.Cancel)).ToList();

        await appending;
        foreach (var rows in await Task.WhenAll(followers))
        {
            Assert.Equal(3 * last, rows.Distinct().Count());
            Assert.Equal(3 * last, rows.Count);
        }
    }

    /// <summary>The same, without luck: a follower reads after each row that the tail takes over.</summary>
    [Fact]
    public async Task A_group_that_is_being_taken_over_waits_until_it_is_whole()
    {
        ReadChangesGate? models = null;
        await using var world = await World.Start(
            FeedWorld.Declare(new OrderRows()), store => new Adapters(ReadModels: models = new ReadChangesGate(store)));
        await world.Open("1");
        await world.Settle();

        // It stands before the first group, so that it looks into the ring while the second one is put there.
        var session = await world.Follow("start", "parts");
        var (early, looks) = (new List<FeedItem>(), 0);
        models!.AfterChanges = (model, page) => model != "parts" ? page : page with
        {
            Rows = new Watched<StoredRow>(page.Rows, () =>
            {
                looks++;
                early.AddRange(session.Drain().GetAwaiter().GetResult());
            }),
        };
        await world.Open("2");
        await world.Settle();

        Assert.True(looks >= 3);
        Assert.Equal(["1/1", "1/2", "1/3"], early.Select(item => item.Text().Split('"')[3]));
        Assert.Equal(["2/1", "2/2", "2/3"], (await session.Drain()).Select(item => item.Text().Split('"')[3]));
    }

    /// <summary>A client that applies a busy view's changes ends with the rows, although most changes are superseded on the way.</summary>
    [Fact]
    public async Task Followers_of_a_busy_row_end_with_its_last_state()
    {
        await using var world = await FeedWorld.Start();
        await world.Open("1");
        await world.Open("2");
        var appending = Task.Run(async () =>
        {
            for (var i = 0; i < 200; i++)
                await world.AddLine($"{1 + i % 2}");
        }, World.Cancel);
        var session = await world.Follow("start", "board");
        var copy = new Dictionary<char, string>();
        while (session.Cursor.Position.Value < 202)
        {
            var more = session.More;
            foreach (var text in (await session.Drain()).Texts())
                copy[text["board-row {\"key\":\"".Length]] = text;
            if (session.Cursor.Position.Value < 202)
                await more.WaitAsync(TimeSpan.FromSeconds(20), World.Cancel);
        }

        await appending;
        Assert.Equal(
        [
            """board-row {"key":"1","row":{"customer":"Ada","quantity":100}}""", """board-row {"key":"2","row":{"customer":"Ada","quantity":100}}""",
        ], copy.Values.Order());
    }

    /// <summary>The tail stands at 20 and the store at 21: who is told of 21 by the store would be told again by the tail, or never.</summary>
    [Fact]
    public async Task A_follower_that_reads_from_the_store_is_told_no_more_than_the_tail_has()
    {
        ReadChangesGate? models = null;
        await using var world = await World.Start(
            FeedWorld.Declare(new OrderRows(), options => options.TailEvents = 16), store => new Adapters(ReadModels: models = new ReadChangesGate(store)));
        for (var i = 1; i <= 20; i++)
            await world.Open($"{i}");
        await world.Settle();
        var session = await world.Follow("start", "board/1");
        models!.IsClosed = true;
        await world.AddLine("1");
        await world.Until(async () => (await world.Store.State("board", World.Cancel)).Checkpoint.Position.Value == 21);

        Assert.Empty(await session.Drain());
        Assert.Equal(new Position(20), session.Cursor.In("board")!.Value.Position);
        models.IsClosed = false;
        await world.Until(() => world.Node.Feeds["board"] is ViewFeed { Tail.At.Position.Value: 21 }, tick: TimeSpan.FromMilliseconds(100));
        Assert.Equal(["""board-row {"key":"1","row":{"customer":"Ada","quantity":1}}"""], (await session.Drain()).Texts());
    }

    /// <summary>A deletion is forgotten before the tail came to it: it is in no page any more, and those who have the row must be told.</summary>
    [Fact]
    public async Task A_follower_whose_tail_missed_a_deletion_is_reset()
    {
        ReadChangesGate? models = null;
        await using var world = await World.Start(
            FeedWorld.Declare(new OrderRows()), store => new Adapters(ReadModels: models = new ReadChangesGate(store)));
        await world.Open("1");
        await world.Settle();
        var session = await world.Follow("start", "board");
        Assert.Single(await session.Drain());
        models!.IsClosed = true;
        await world.Append("1", new OrderEvent.Removed());
        await world.Until(async () => (await world.Store.State("board", World.Cancel)).Checkpoint.Position.Value == 2);
        await world.Store.TrimTombstones("board", new Position(2), World.Cancel);
        models.IsClosed = false;
        await world.Until(() => world.Node.Feeds["board"] is ViewFeed { Tail.At.Position.Value: 2 }, tick: TimeSpan.FromMilliseconds(100));

        await session.Drain();
        Assert.Equal(ResetReason.Trimmed, session.Reset);
    }

    [Fact]
    public async Task Of_a_row_that_changed_often_a_slow_follower_is_told_the_newest_state_only()
    {
        await using var world = await FeedWorld.Start();
        await world.Open("1");
        await world.Settle();
        var session = await world.Follow(null, "board");
        for (var i = 0; i < 3; i++)
        {
            await world.AddLine("1");
            await world.Settle();
        }

        Assert.Equal(["""board-row {"key":"1","row":{"customer":"Ada","quantity":3}}"""], (await session.Drain()).Texts());
    }

    /// <summary>The read model moves on while its tail reads, and no poll will help.</summary>
    [Fact]
    public async Task A_change_that_comes_while_the_tail_reads_is_not_lost()
    {
        ReadChangesGate? models = null;
        await using var world = await World.Start(
            FeedWorld.Declare(new OrderRows()), store => new Adapters(ReadModels: models = new ReadChangesGate(store)));
        await world.Settle();
        var isPlanted = false;
        models!.AfterChanges = (model, page) =>
        {
            if (model != "board" || isPlanted || page.Rows.Count == 0)
                return page;
            isPlanted = true;
            Task.Run(async () =>
            {
                await world.Open("2");
                await world.Until(async () => (await world.Status("board")).Position.Value == 2);
            }, World.Cancel).Wait(World.Cancel);
            return page;
        };
        await world.Open("1");

        await world.Until(() => world.Node.Feeds["board"] is ViewFeed { Tail.At.Position.Value: 2 });
    }

    [Fact]
    public async Task A_store_that_fails_is_tried_again()
    {
        ReadChangesGate? models = null;
        await using var world = await World.Start(
            FeedWorld.Declare(new OrderRows()), store => new Adapters(ReadModels: models = new ReadChangesGate(store)));
        var session = await world.Follow(null, "board");
        models!.IsClosed = true;
        var reads = models.ChangesRead;
        await world.Open("1");
        await world.Until(() => models.ChangesRead > reads + 4, tick: TimeSpan.FromMilliseconds(100));
        models.IsClosed = false;
        await world.Until(() => world.Node.Feeds["board"] is ViewFeed { Tail.At.Position.Value: 1 }, tick: TimeSpan.FromMilliseconds(100));

        Assert.Single(await session.Drain());
    }

    [Fact]
    public async Task What_another_node_projected_is_delivered()
    {
        await using var first = await FeedWorld.Start();
        await using var second = await first.StartAnother(FeedWorld.Declare(new OrderRows()));
        var session = await first.Follow(null, "orders", "board");
        await second.Open("1");
        await first.Until(() => first.Node.Feeds["board"] is ViewFeed { Tail.At.Position.Value: 1 }, tick: TimeSpan.FromMilliseconds(100));
        await first.Until(() => first.Node.Tail.Position.Value == 1, tick: TimeSpan.FromMilliseconds(100));

        Assert.Equal(2, (await session.Drain()).Count);
        Assert.Equal(session.Cursor, (await second.Follow(session.Cursor.ToString(), "orders", "board")).Cursor);
    }

    /// <summary>A list that calls back after each item it hands out.</summary>
    private sealed class Watched<T>(IReadOnlyList<T> items, Action after) : IReadOnlyList<T>
    {
        public int Count => items.Count;

        public T this[int index] => items[index];

        public IEnumerator<T> GetEnumerator()
        {
            foreach (var item in items)
            {
                yield return item;
                after();
            }
        }

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
