namespace Headwater.Tests;

/// <summary>A cursor that cannot be resumed is one reset with its reason, never silence and never a second one.</summary>
public sealed class FeedResetTests
{
    [Theory]
    [InlineData("")]
    [InlineData("garbage")]
    [InlineData("Start")]
    [InlineData("0.0.0")]
    public async Task A_malformed_cursor_is_a_reset(string after)
    {
        await using var world = await FeedWorld.Start();
        await IsReset(world, ResetReason.Malformed, after, "orders", "board");
    }

    [Fact]
    public async Task A_cursor_of_another_log_is_a_reset()
    {
        await using var world = await FeedWorld.Start();
        await IsReset(world, ResetReason.ForeignEpoch, "00000000.0", "orders", "board");
    }

    [Fact]
    public async Task A_cursor_beyond_the_head_is_a_reset()
    {
        await using var world = await FeedWorld.Start();
        await world.Open("1");
        await world.Settle();
        var epoch = world.Node.Tail.Epoch;

        await IsReset(world, ResetReason.BeyondHead, $"{epoch}.2", "orders");
        await IsReset(world, ResetReason.BeyondHead, $"{epoch}.2", "board");
        await IsReset(world, ResetReason.BeyondHead, $"{epoch}.1~board.0.2", "board");
        Assert.Equal(ResetReason.None, (await world.Follow($"{epoch}.1~board.0.1", "board")).Reset);
    }

    [Fact]
    public async Task A_cursor_older_than_the_deletions_still_known_is_a_reset_but_one_from_the_start_is_not()
    {
        await using var world = await FeedWorld.Start();
        await world.Open("1");
        await world.Open("2");
        await world.Append("1", new OrderEvent.Removed());
        await world.Settle();
        await world.Store.TrimTombstones("board", new Position(3), World.Cancel);
        var epoch = world.Node.Tail.Epoch;

        await IsReset(world, ResetReason.Trimmed, $"{epoch}.2~board.0.2", "board");
        await IsReset(world, ResetReason.Trimmed, $"{epoch}.0~board.0.0", "board");
        Assert.Equal(ResetReason.None, (await world.Follow($"{epoch}.3~board.0.3", "board")).Reset);
        Assert.Equal(ResetReason.None, (await world.Follow($"{epoch}.2~board.0.2", "orders")).Reset);
        var start = await world.Follow("start", "board");
        Assert.Equal(ResetReason.None, start.Reset);

        // What is told of a row that was never there is its deletion at most, while the tail still has it.
        var rows = (await start.Drain()).Select(item => item.Text()).Where(text => !text.EndsWith("\"row\":null}", StringComparison.Ordinal));
        Assert.Equal(["2"], rows.Select(text => text.Split('"')[3]).Distinct());
    }

    /// <summary>A client that reads so slowly that the deletions it has yet to read are forgotten.</summary>
    [Fact]
    public async Task A_session_that_is_overtaken_by_the_trimming_of_deletions_is_reset()
    {
        await using var world = await FeedWorld.Start(configure: options => options.TailEvents = 16);
        await world.Open("1");
        await world.Settle();
        var session = await world.Follow("start", "board");
        Assert.Single(await session.Drain());
        await world.Append("1", new OrderEvent.Removed());
        for (var i = 0; i < 20; i++)
            await world.Open($"other-{i}");
        await world.Settle();
        await world.Store.TrimTombstones("board", new Position(2), World.Cancel);

        await session.Drain();
        Assert.Equal(ResetReason.Trimmed, session.Reset);
    }

    [Fact]
    public async Task A_cursor_of_an_earlier_generation_is_a_reset()
    {
        await using var world = await FeedWorld.Start();
        await world.Open("1");
        await world.Settle();
        var cursor = (await world.Follow(null, "board")).Cursor.ToString();
        await world.Node.Rebuild("board", World.Cancel);
        await world.Settle();

        await IsReset(world, ResetReason.Rebuilt, cursor, "orders", "board");
    }

    [Fact]
    public async Task A_session_is_reset_once_when_its_read_model_is_built_again_and_then_goes_on()
    {
        await using var world = await FeedWorld.Start();
        await world.Open("1");
        await world.Settle();
        var session = await world.Follow(null, "board");
        await session.Drain();
        await world.Node.Rebuild("board", World.Cancel);
        await world.Settle();

        await session.Drain();
        Assert.Equal(ResetReason.Rebuilt, session.Reset);
        await session.BeginAnew(World.Cancel);
        await world.Open("2");
        await world.Settle();
        Assert.Equal(["""board-row {"key":"2","row":{"customer":"Ada","quantity":0}}"""], (await session.Drain()).Texts());
        Assert.Equal(ResetReason.None, session.Reset);
        Assert.Equal(1, session.Cursor.In("board")!.Value.Generation);
    }

    /// <summary>The rebuild is known to the store and so to the client before this process's tail has noticed it.</summary>
    [Fact]
    public async Task A_session_that_knows_a_rebuild_before_its_tail_does_is_not_reset_again_and_again()
    {
        ReadChangesGate? models = null;
        await using var world = await World.Start(
            FeedWorld.Declare(new OrderRows()), store => new Adapters(ReadModels: models = new ReadChangesGate(store)));
        await world.Open("1");
        await world.Settle();

        models!.IsClosed = true;
        await world.Node.Rebuild("board", World.Cancel);
        await world.Until(async () => (await world.Store.State("board", World.Cancel)).Checkpoint is { Generation: 1, Position.Value: 1 });
        var session = await world.Follow(null, "board");
        Assert.Equal(1, session.Cursor.In("board")!.Value.Generation);
        Assert.Empty(await session.Drain());
        Assert.Equal(ResetReason.None, session.Reset);

        models.IsClosed = false;
        await world.Open("2");
        await world.Until(() => world.Node.Feeds["board"] is ViewFeed { Tail.At: { Generation: 1, Position.Value: 2 } }, tick: TimeSpan.FromMilliseconds(100));
        Assert.Single(await session.Drain());
        Assert.Equal(ResetReason.None, session.Reset);
    }

    private static async Task IsReset(World world, ResetReason reason, string after, params string[] feeds)
    {
        var session = await world.Follow(after, feeds);
        var items = new List<FeedItem>();
        Assert.Equal(reason, session.Reset);
        Assert.True(await session.Read(items, World.Cancel));
        Assert.Empty(items);

        await session.BeginAnew(World.Cancel);
        Assert.Equal(ResetReason.None, session.Reset);
        Assert.Empty(await session.Drain());
        Assert.Equal((await world.Log.Head(World.Cancel)).Position, session.Cursor.Position);
        Assert.Equal(ResetReason.None, (await world.Follow(session.Cursor.ToString(), feeds)).Reset);
    }
}
