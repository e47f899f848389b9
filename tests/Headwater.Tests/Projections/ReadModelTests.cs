using Microsoft.Extensions.DependencyInjection;

namespace Headwater.Tests;

/// <summary>What you wrote, you read: waiting for a read model, for one key or for all of it.</summary>
public sealed class ReadModelTests
{
    private static readonly TimeSpan twoSeconds = TimeSpan.FromSeconds(2);

    private readonly OrderRows orders = new();
    private readonly TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task A_query_that_carries_a_commands_cursor_has_its_effect()
    {
        await using var world = await Start();
        for (var i = 0; i < 50; i++)
        {
            var accepted = Assert.IsType<CommandResult<Order>.Accepted>(
                await world.Orders.Execute($"{i}", new Open("Ada"), cancel: World.Cancel));
            Assert.True(await Has(world, $"{i}", accepted.Cursor.Position));
            Assert.Single((await Model(world).ReadRow($"{i}", World.Cancel)).Rows);
        }
    }

    [Fact]
    public async Task A_key_is_there_even_if_the_projection_is_far_behind_with_what_does_not_concern_it()
    {
        orders.Before = happened => happened.Stream.Key == "slow" ? new ValueTask(gate.Task) : ValueTask.CompletedTask;
        await using var world = await Start();
        await world.Open("mine");
        await world.Settle();
        for (var i = 0; i < 30; i++)
            await world.Open("slow");
        var head = (await world.Log.Head(World.Cancel)).Position;

        Assert.True(await Has(world, "mine", head));
        Assert.True(await Has(world, "unheard-of", head));

        var all = Model(world).WaitFor(null, head, twoSeconds, World.Cancel).AsTask();
        var slow = Model(world).WaitFor("slow", head, twoSeconds, World.Cancel).AsTask();
        await world.Until(() => all.IsCompleted && slow.IsCompleted, tick: TimeSpan.FromMilliseconds(200));
        Assert.False(await all);
        Assert.False(await slow);
        gate.SetResult();
        await world.Settle();
        Assert.True(await Has(world, null, head));
    }

    [Fact]
    public async Task A_key_with_an_event_behind_the_backlog_is_waited_for()
    {
        orders.Before = happened => happened.Stream.Key == "slow" ? new ValueTask(gate.Task) : ValueTask.CompletedTask;
        await using var world = await Start();
        await world.Open("slow");
        var mine = await world.Open("mine");
        await world.Open("slow");

        var waiting = Model(world).WaitFor("mine", mine, twoSeconds, World.Cancel).AsTask();
        await world.Until(() => world.Node.Tail.Position.Value == 3);
        Assert.False(waiting.IsCompleted);
        gate.SetResult();

        Assert.True(await waiting);
        Assert.Single((await Model(world).ReadRow("mine", World.Cancel)).Rows);
    }

    /// <summary>Who says after all that other streams are read too must have them waited for.</summary>
    [Fact]
    public async Task A_projection_that_reads_more_than_the_keys_stream_is_waited_for_as_a_whole()
    {
        orders.Before = happened => happened.Stream.Key == "slow" ? new ValueTask(gate.Task) : ValueTask.CompletedTask;
        await using var world = await World.Start(headwater =>
        {
            headwater.Services.AddSingleton(orders);
            headwater.AddProjection<OrderRows, OrderRow>("orders", projection => projection.KeyedByStream("order").Reads(LogFilter.Everything));
        });
        var slow = await world.Open("slow");

        var waiting = Model(world).WaitFor("mine", slow, twoSeconds, World.Cancel).AsTask();
        Assert.False(waiting.IsCompleted);
        gate.SetResult();
        Assert.True(await waiting);
    }

    [Fact]
    public async Task An_event_of_the_key_after_the_position_is_not_waited_for()
    {
        orders.Before = happened => happened.Position.Value >= 3 ? new ValueTask(gate.Task) : ValueTask.CompletedTask;
        await using var world = await Start();
        var first = await world.Open("mine");
        var other = await world.Open("other");
        await world.Settle();
        await world.AddLine("mine");

        Assert.True(await Has(world, "mine", first));
        Assert.True(await Has(world, "mine", other));
        gate.SetResult();
    }

    [Fact]
    public async Task A_position_the_log_has_not_reached_is_given_up_when_the_time_is_up()
    {
        await using var world = await Start();
        await world.Open("1");
        await world.Settle();

        var waiting = Model(world).WaitFor("1", new Position(99), twoSeconds, World.Cancel).AsTask();
        world.Time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.False(waiting.IsCompleted);
        await world.Until(() => waiting.IsCompleted, tick: TimeSpan.FromMilliseconds(50));

        Assert.False(await waiting);
        Assert.InRange(world.Time.GetUtcNow() - new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero), twoSeconds, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_caller_that_gives_up_is_let_go()
    {
        await using var world = await Start();
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(World.Cancel);
        var waiting = Model(world).WaitFor("1", new Position(99), twoSeconds, gone.Token).AsTask();
        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task What_another_node_projected_is_found()
    {
        await using var first = await Start();
        await using var second = await first.StartAnother(headwater => headwater
            .AddProjection<OrderRows, OrderRow>("orders", projection => projection.KeyedByStream("order")));
        var position = await second.Open("1");

        var waiting = Model(first).WaitFor("1", position, TimeSpan.FromDays(1), World.Cancel).AsTask();
        await first.Until(() => waiting.IsCompleted, tick: TimeSpan.FromMilliseconds(50));
        Assert.True(await waiting);
        Assert.True(first.Time.GetUtcNow() < new DateTimeOffset(2026, 3, 2, 12, 0, 0, TimeSpan.Zero));
    }

    /// <summary>The read model moves on while the query looks, and the clock stands still.</summary>
    [Fact]
    public async Task A_change_that_comes_while_a_query_looks_is_not_lost()
    {
        ReadChangesGate? models = null;
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        orders.Before = _ =>
        {
            entered.TrySetResult();
            return new ValueTask(gate.Task);
        };
        await using var world = await World.Start(headwater =>
        {
            headwater.Services.AddSingleton(orders);
            headwater.AddProjection<OrderRows, OrderRow>("orders");
        }, store => new Adapters(ReadModels: models = new ReadChangesGate(store)));
        var position = await world.Open("1");
        await entered.Task.WaitAsync(TimeSpan.FromSeconds(20), World.Cancel);

        // Only the query looks from here on: the projection hangs at the event.
        models!.AfterState = async () =>
        {
            models.AfterState = () => ValueTask.CompletedTask;
            gate.SetResult();
            await world.Until(async () => (await world.Status("orders")).Position == position);
        };

        Assert.True(await Has(world, "1", position));
    }

    [Fact]
    public async Task Its_cursor_is_the_snapshots()
    {
        await using var world = await Start();
        await world.Open("1");
        await world.Settle();
        await world.Node.Rebuild("orders", World.Cancel);
        await world.Settle();

        var state = (await Model(world).ReadRow("1", World.Cancel)).State;
        Assert.Equal($"{world.Node.Tail.Epoch}.1~orders.1.1", Model(world).CursorOf(state).ToString());
    }

    /// <summary>Waits in real time too: the clock of the world stands still, and a wait that should not be would never end.</summary>
    private static Task<bool> Has(World world, string? key, Position position) =>
        Model(world).WaitFor(key, position, twoSeconds, World.Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(20), World.Cancel);

    private static ReadModel Model(World world) => world.Node.ReadModels["orders"];

    private Task<World> Start() => World.Start(headwater =>
    {
        headwater.Services.AddSingleton(orders);
        headwater.AddProjection<OrderRows, OrderRow>("orders", projection => projection.KeyedByStream("order"));
    });
}
