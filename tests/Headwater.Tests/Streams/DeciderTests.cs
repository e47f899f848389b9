namespace Headwater.Tests;

public sealed class DeciderTests
{
    [Fact]
    public async Task A_command_is_decided_on_the_state_and_its_events_are_appended()
    {
        await using var world = await World.Start();

        var opened = await Accepted(world, "1", new Open("Ada"));
        var added = await Accepted(world, "1", new AddLine("pen", 3));

        Assert.Equal((new Order("Ada", 0), 1L), (opened.State, opened.Version));
        Assert.Equal((new Order("Ada", 3), 2L), (added.State, added.Version));
        Assert.Equal(new Cursor((await world.Log.Head(World.Cancel)).Epoch, new Position(2)), added.Cursor);
        Assert.Equal(new Versioned<Order>(new Order("Ada", 3), 2, new Position(2)), await world.Orders.Load("1", cancel: World.Cancel));
    }

    [Fact]
    public async Task A_command_with_nothing_to_do_is_accepted_at_the_head()
    {
        await using var world = await World.Start();
        await Accepted(world, "1", new Open("Ada"));
        await world.Open("2");

        var again = await Accepted(world, "1", new Open("Ada"));

        Assert.Equal((new Order("Ada", 0), 1L, new Position(2)), (again.State, again.Version, again.Cursor.Position));
        Assert.Equal(new Position(2), (await world.Log.Head(World.Cancel)).Position);
    }

    [Fact]
    public async Task A_refusal_says_why_and_appends_nothing()
    {
        await using var world = await World.Start();

        var refused = Assert.IsType<CommandResult<Order>.Refused>(await Execute(world, "1", new AddLine("pen", 1))).Refusal;
        Assert.Equal(("not-open", false), (refused.Code, refused.IsInvalid));
        await world.Open("1");
        Assert.True(Assert.IsType<CommandResult<Order>.Refused>(await Execute(world, "1", new AddLine("pen", 0))).Refusal.IsInvalid);
        Assert.Equal(new Position(1), (await world.Log.Head(World.Cancel)).Position);
    }

    [Fact]
    public async Task A_stale_version_is_told_before_anything_is_decided()
    {
        await using var world = await World.Start();
        await world.Open("1");
        await world.AddLine("1");

        var stale = await Execute(world, "1", new AddLine("pen", 1), new CommandContext { Expected = ExpectedVersion.Exactly(1) });
        Assert.Equal(new CommandResult<Order>.Stale(World.Stream("1"), ExpectedVersion.Exactly(1), 2), stale);

        var fresh = await Execute(world, "1", new AddLine("pen", 1), new CommandContext { Expected = ExpectedVersion.Exactly(2) });
        Assert.IsType<CommandResult<Order>.Accepted>(fresh);
    }

    [Fact]
    public async Task A_stream_that_others_change_meanwhile_is_decided_again_on_the_new_state()
    {
        var (world, watched) = await Disturbed(conflicts: 2);
        await using var _ = world;

        var accepted = await Accepted(world, "1", new AddLine("pen", 10));

        Assert.Equal((new Order("Ada", 12), 4L), (accepted.State, accepted.Version));
        Assert.Equal(2, watched.Conflicts);
    }

    [Fact]
    public async Task A_stream_that_others_change_at_every_attempt_is_given_up_after_a_bound()
    {
        var (world, watched) = await Disturbed(conflicts: int.MaxValue);
        await using var _ = world;

        var result = await Execute(world, "1", new AddLine("pen", 10));

        Assert.Equal(new CommandResult<Order>.Contended(World.Stream("1"), 9), result);
        Assert.Equal(9, watched.Conflicts);
    }

    [Fact]
    public async Task A_caller_that_decided_on_a_version_is_not_decided_again_on_another()
    {
        var (world, watched) = await Disturbed(conflicts: 1);
        await using var _ = world;

        var result = await Execute(world, "1", new AddLine("pen", 10), new CommandContext { Expected = ExpectedVersion.Exactly(1) });

        Assert.Equal(new CommandResult<Order>.Stale(World.Stream("1"), ExpectedVersion.Exactly(1), 2), result);
        Assert.Equal(1, watched.Conflicts);
    }

    [Fact]
    public async Task Many_callers_at_once_all_get_their_turn()
    {
        await using var world = await World.Start(headwater => headwater.Configure(options => options.CommandRetries = 1000));
        await world.Open("1");

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => Accepted(world, "1", new AddLine("pen", 1)), World.Cancel)));

        Assert.Equal(20, (await world.Orders.Load("1", cancel: World.Cancel)).State.Quantity);
    }

    [Fact]
    public async Task A_retry_with_its_key_gets_the_first_answer_whatever_happened_since()
    {
        await using var world = await World.Start();
        await world.Open("1");
        var context = new CommandContext { IdempotencyKey = new("key", "print"), Expected = ExpectedVersion.Exactly(1) };
        var first = await Execute(world, "1", new AddLine("pen", 1), context);
        await world.AddLine("1", 5);

        var again = await Execute(world, "1", new AddLine("pen", 1), context);

        Assert.Equal(first, again);
        Assert.Equal(6, (await world.Orders.Load("1", cancel: World.Cancel)).State.Quantity);
    }

    [Fact]
    public async Task A_retry_of_a_refused_command_is_refused_again_even_if_it_would_be_accepted_now()
    {
        await using var world = await World.Start();
        var context = new CommandContext { IdempotencyKey = new("key", "print") };
        var first = await Execute(world, "1", new AddLine("pen", 1), context);
        await world.Open("1");

        Assert.Equal(first, await Execute(world, "1", new AddLine("pen", 1), context));
        Assert.IsType<CommandResult<Order>.Refused>(first);
    }

    [Fact]
    public async Task A_retry_of_a_command_with_nothing_to_do_gets_the_first_answer()
    {
        await using var world = await World.Start();
        await world.Open("1", "Ada");
        var context = new CommandContext { IdempotencyKey = new("key", "print") };
        var first = await Execute(world, "1", new Open("Ada"), context);
        await world.Open("1", "Bob");

        Assert.Equal(first, await Execute(world, "1", new Open("Ada"), context));
        Assert.Equal(new CommandResult<Order>.Accepted(new Order("Ada", 0), 1, world.Log.CursorAfter(new Position(1))), first);
    }

    [Fact]
    public async Task A_key_used_for_another_request_is_a_mistake()
    {
        await using var world = await World.Start();
        await Execute(world, "1", new Open("Ada"), new CommandContext { IdempotencyKey = new("key", "print") });

        var result = await Execute(world, "2", new Open("Bob"), new CommandContext { IdempotencyKey = new("key", "other") });

        Assert.Equal(new CommandResult<Order>.KeyReused("key"), result);
        Assert.Equal(0, (await world.Orders.Load("2", cancel: World.Cancel)).Version);
    }

    [Fact]
    public async Task Duplicates_at_the_same_time_happen_once_and_answer_alike()
    {
        await using var world = await World.Start();
        await world.Open("1");
        var context = new CommandContext { IdempotencyKey = new("key", "print") };

        var results = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ =>
            Task.Run(() => Execute(world, "1", new AddLine("pen", 1), context), World.Cancel)));

        Assert.Single(results.Distinct());
        Assert.Equal(1, (await world.Orders.Load("1", cancel: World.Cancel)).State.Quantity);
    }

    [Fact]
    public async Task A_state_is_loaded_as_of_a_version_a_position_or_an_instant()
    {
        await using var world = await World.Start(headwater => headwater.Configure(options => options.PageSize = 2));
        var start = world.Time.GetUtcNow();
        await world.Open("1");
        for (var i = 0; i < 5; i++)
        {
            world.Time.Advance(TimeSpan.FromMinutes(1));
            await world.Open("other");
            await world.AddLine("1");
        }

        await Is(0, 0, AsOf.Version(0));
        await Is(1, 0, AsOf.Version(1));
        await Is(4, 3, AsOf.Version(4));
        await Is(6, 5, AsOf.Version(99));
        await Is(0, 0, AsOf.Position(Position.Start));
        await Is(1, 0, AsOf.Position(new Position(2)));
        await Is(2, 1, AsOf.Position(new Position(3)));
        await Is(0, 0, AsOf.Instant(start.AddSeconds(-1)));
        await Is(1, 0, AsOf.Instant(start));
        await Is(3, 2, AsOf.Instant(start.AddMinutes(2.5)));
        await Is(6, 5, AsOf.Now);

        async Task Is(long version, int quantity, AsOf moment)
        {
            var loaded = await world.Orders.Load("1", moment, World.Cancel);
            Assert.Equal((version, quantity), (loaded.Version, loaded.State.Quantity));
        }
    }

    [Fact]
    public async Task Tags_are_found_from_the_state_after_each_event()
    {
        await using var world = await World.Start(orders: type => type.Tags((order, _) => [new Tag("quantity", $"{order.Quantity}")]));
        await Accepted(world, "1", new Open("Ada"));
        await Accepted(world, "1", new AddLine("pen", 3));

        var page = await world.Log.Read(new LogFilter.Tagged(new Tag("quantity", "3")), Position.Start, cancel: World.Cancel);
        Assert.Equal("line-added", Assert.Single(page.Events).Type);
    }

    private static async Task<CommandResult<Order>> Execute(
        World world, string key, ICommand<Order, OrderEvent> command, CommandContext? context = null) =>
        await world.Orders.Execute(key, command, context, World.Cancel);

    private static async Task<CommandResult<Order>.Accepted> Accepted(World world, string key, ICommand<Order, OrderEvent> command) =>
        Assert.IsType<CommandResult<Order>.Accepted>(await Execute(world, key, command));

    /// <summary>Somebody else gets in before the first appends of a command.</summary>
    private static async Task<(World, Disturbance)> Disturbed(int conflicts)
    {
        WatchedLog? watched = null;
        var world = await World.Start(adapters: store => new Adapters(watched = new WatchedLog(store)));
        await world.Open("1");
        var disturbance = new Disturbance();
        watched!.BeforeAppend = async _ =>
        {
            if (disturbance.Conflicts >= conflicts)
                return;
            disturbance.Conflicts++;
            await world.Store.Append(
                new AppendRequest([world.Log.Prepare(World.Stream("1"), ExpectedVersion.Any, [new OrderEvent.LineAdded("ink", 1)])]), World.Cancel);
        };
        return (world, disturbance);
    }

    private sealed class Disturbance
    {
        public int Conflicts { get; set; }
    }
}
