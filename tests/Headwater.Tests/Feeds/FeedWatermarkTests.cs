using CsCheck;

namespace Headwater.Tests;

/// <summary>Cursors where an append that has returned may not be readable yet, with events below it still to come.</summary>
public sealed class FeedWatermarkTests : IAsyncDisposable
{
    private WatermarkedLog log = null!;
    private World? world;

    [Fact]
    public async Task A_commands_cursor_begins_where_reading_ends_and_knows_of_the_command()
    {
        await Start();
        await Execute("1");
        await Read(1);

        var accepted = await Execute("2");

        Assert.Equal($"{world!.Node.Tail.Epoch}.1.2", accepted.Cursor.ToString());
        var session = await world.Follow(accepted.Cursor.ToString(), "orders");
        Assert.Equal(ResetReason.None, session.Reset);
        Assert.Empty(await session.Drain());
        await Read(2);
        Assert.Equal(2, Assert.Single(await session.Drain()).Cursor!.Value.Position.Value);
    }

    [Fact]
    public async Task A_retried_command_and_one_that_changes_nothing_know_of_it_as_well()
    {
        await Start();
        var context = new CommandContext { IdempotencyKey = new IdempotencyKey("k", "f") };
        var first = await world!.Orders.Execute("1", new Open("Ada"), context, World.Cancel);
        var again = await world.Orders.Execute("1", new Open("Ada"), context, World.Cancel);

        Assert.Equal(first, again);
        Assert.Equal($"{world.Node.Tail.Epoch}.0.1", Assert.IsType<CommandResult<Order>.Accepted>(again).Cursor.ToString());
        var unchanged = Assert.IsType<CommandResult<Order>.Accepted>(await world.Orders.Execute("1", new Open("Ada"), cancel: World.Cancel));
        Assert.Equal($"{world.Node.Tail.Epoch}.0.1", unchanged.Cursor.ToString());
    }

    [Fact]
    public async Task A_cursor_above_what_can_be_read_goes_on_and_one_above_what_was_handed_out_does_not()
    {
        await Start();
        for (var i = 1; i <= 3; i++)
            await world!.Open($"{i}");
        await Read(3);
        log.Readable = new(1);
        var epoch = world!.Node.Tail.Epoch;

        Assert.Equal(ResetReason.None, (await world.Follow($"{epoch}.3", "orders")).Reset);
        Assert.Equal(ResetReason.None, (await world.Follow($"{epoch}.1.3", "orders")).Reset);
        Assert.Equal(ResetReason.None, (await world.Follow($"{epoch}.3~board.0.3", "board")).Reset);
        Assert.Equal(ResetReason.BeyondHead, (await world.Follow($"{epoch}.4", "orders")).Reset);
        Assert.Equal(ResetReason.BeyondHead, (await world.Follow($"{epoch}.1.4", "orders")).Reset);
        Assert.Equal(ResetReason.BeyondHead, (await world.Follow($"{epoch}.3~board.0.4", "board")).Reset);
    }

    [Fact]
    public async Task A_node_whose_readable_end_goes_back_while_it_starts_starts_all_the_same()
    {
        await Start();
        for (var i = 1; i <= 3; i++)
            await world!.Open($"{i}");
        log.Readable = new(3);
        var back = new WatchedLog(log) { BeforeRead = _ => log.Readable = new(1) };

        await using var other = await world!.StartAnother(adapters: new Adapters(back));

        Assert.Equal(new Position(1), other.Node.Tail.Position);
        back.BeforeRead = _ => { };
        log.Readable = new(3);
        await other.Until(() => other.Node.Tail.Position == new Position(3), tick: TimeSpan.FromMilliseconds(100));
    }

    /// <summary>Whatever becomes readable when, each cursor leads to every event above it, and knows of the command it answers.</summary>
    [Fact]
    public Task From_every_commands_cursor_all_that_comes_later_is_read() => Gen.Int[0, 3].Array[1, 20].SampleAsync(async steps =>
    {
        await Start();
        var cursors = new List<Cursor>();
        for (var i = 0; i < steps.Length; i++)
        {
            cursors.Add((await Execute($"{i}")).Cursor);
            Assert.Equal(i + 1, cursors[^1].AtLeast.Value);
            await Read(Math.Min(i + 1, log.Readable.Value + steps[i]));
        }

        await Read(steps.Length);
        foreach (var cursor in cursors)
        {
            var session = await world!.Follow(cursor.ToString(), "orders");
            Assert.Equal(ResetReason.None, session.Reset);
            Assert.Equal(steps.Length - cursor.Position.Value, (await session.Drain()).Count);
        }
    }, iter: 30, threads: 1);

    public async ValueTask DisposeAsync()
    {
        if (world is not null)
            await world.DisposeAsync();
    }

    private async Task Start()
    {
        await DisposeAsync();
        world = await World.Start(FeedWorld.Declare(new OrderRows()), store => new Adapters(log = new WatermarkedLog(store)));
    }

    private async Task<CommandResult<Order>.Accepted> Execute(string key) =>
        Assert.IsType<CommandResult<Order>.Accepted>(await world!.Orders.Execute(key, new Open("Ada"), cancel: World.Cancel));

    private async Task Read(long upTo)
    {
        log.Readable = new(upTo);
        world!.Node.Tail.Ring();
        await world.Until(() => world.Node.Tail.Position.Value == upTo);
    }
}
