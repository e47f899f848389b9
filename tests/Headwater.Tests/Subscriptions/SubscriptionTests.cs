using Microsoft.Extensions.DependencyInjection;

namespace Headwater.Tests;

public sealed class SubscriptionTests
{
    private static readonly TimeSpan tick = TimeSpan.FromMilliseconds(100);

    private readonly Recorder mail = new();
    private readonly OtherRecorder audit = new();

    [Fact]
    public async Task It_handles_every_event_once_in_order_and_goes_on_at_its_checkpoint()
    {
        await using (var first = await Start())
        {
            await Fill(first, 10);
            await first.Settle();
            Assert.Equal(Numbers(1, 10), mail.Handled);

            await first.Node.Stop();
            await Fill(first, 3);
            await using var second = await first.StartAnother(Declare());
            await second.Settle();
            Assert.Equal(Numbers(1, 13), mail.Handled);
        }
    }

    [Fact]
    public async Task Its_checkpoint_moves_over_events_it_does_not_read()
    {
        await using var world = await Start(mails => mails.Reads(new LogFilter.OneStream(World.Stream("mine"))));
        await Fill(world, 7);
        await world.Settle();

        Assert.Empty(mail.Handled);
        Assert.Equal(new Position(7), (await world.Store.Load("mail", World.Cancel)).Position);
        var status = await world.Status("mail");
        Assert.Equal((SubscriptionState.Live, 0L, TimeSpan.Zero), (status.State, status.LagEvents, status.Lag));
    }

    [Fact]
    public async Task A_handler_that_throws_stops_before_the_event_names_it_and_lets_the_others_go_on()
    {
        mail.Before = happened => happened.Position.Value == 4 ? throw new TimeoutException("the mail server is gone") : ValueTask.CompletedTask;
        await using var world = await Start();
        await Fill(world, 6);
        await world.Settle("audit");
        await world.Until(async () => (await world.Status("mail")).State is SubscriptionState.Stopped);
        world.Time.Advance(TimeSpan.FromSeconds(30));

        var status = await world.Status("mail");
        Assert.Equal(Numbers(1, 3), mail.Handled);
        Assert.Equal(Numbers(1, 6), audit.Handled);
        Assert.Equal((new Position(3), 3L, TimeSpan.FromSeconds(30)), (status.Position, status.LagEvents, status.Lag));
        Assert.Equal(new Position(3), (await world.Store.Load("mail", World.Cancel)).Position);
        foreach (var part in new[] { "position 4", "'order-1'", "version 4", "'opened'", "TimeoutException", "the mail server is gone" })
            Assert.Contains(part, status.Failure, StringComparison.Ordinal);
        Assert.Equal(SubscriptionState.Live, (await world.Status("audit")).State);
    }

    [Fact]
    public async Task It_goes_on_where_it_stopped_when_it_is_restarted()
    {
        mail.Before = happened => happened.Position.Value == 4 ? throw new TimeoutException("planted") : ValueTask.CompletedTask;
        await using var world = await Start();
        await Fill(world, 6);
        await world.Until(async () => (await world.Status("mail")).State is SubscriptionState.Stopped);

        mail.Before = _ => ValueTask.CompletedTask;
        world.Node.Restart("mail");
        await world.Settle();

        Assert.Equal(Numbers(1, 6), mail.Handled);
        Assert.Equal(SubscriptionState.Live, (await world.Status("mail")).State);
        Assert.Null((await world.Status("mail")).Failure);
    }

    [Fact]
    public async Task A_restart_while_it_is_still_broken_stops_it_again()
    {
        var attempts = 0;
        mail.Before = _ => ++attempts > 0 ? throw new TimeoutException("planted") : ValueTask.CompletedTask;
        await using var world = await Start();
        await Fill(world, 1);
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            await world.Until(async () => attempts == attempt && (await world.Status("mail")).State is SubscriptionState.Stopped);
            world.Node.Restart("mail");
        }

        await world.Until(() => attempts == 4);
        Assert.Empty(mail.Handled);
    }

    [Fact]
    public async Task A_restart_that_comes_while_the_handler_fails_is_not_lost()
    {
        World? world = null;
        var attempts = 0;
        mail.Before = _ =>
        {
            if (attempts++ > 0)
                return ValueTask.CompletedTask;
            world!.Node.Restart("mail");
            throw new TimeoutException("planted");
        };
        await using (world = await Start())
        {
            await Fill(world, 1);
            await world.Settle();
        }

        Assert.Equal([1], mail.Handled);
    }

    [Fact]
    public async Task A_skipped_event_is_recorded_and_the_rest_is_handled()
    {
        mail.Before = happened => happened.Position.Value is 2 or 3 or 6 ? throw new TimeoutException("planted") : ValueTask.CompletedTask;
        await using var world = await Start(mails => mails.OnError(ErrorPolicy.Skip));
        await Fill(world, 6);
        await world.Settle();

        Assert.Equal([1, 4, 5], mail.Handled);
        var skipped = await world.Node.Skipped("mail", 10, World.Cancel);
        Assert.Equal([6, 3, 2], skipped.Select(each => each.Position.Value));
        Assert.All(skipped, each => Assert.Equal((World.Stream("1"), "opened", world.Time.GetUtcNow()), (each.Stream, each.Type, each.At)));
        Assert.Contains("planted", skipped[0].Error, StringComparison.Ordinal);
        Assert.Empty(await world.Node.Skipped("audit", 10, World.Cancel));
    }

    /// <summary>Another process stands further behind than this one left off: nothing it has yet to do may be passed over.</summary>
    [Fact]
    public async Task A_skip_passes_over_nothing_if_the_checkpoint_was_moved_meanwhile()
    {
        await using var world = World.Create(Declare(mails => mails.OnError(ErrorPolicy.Skip)));
        await Fill(world, 9);
        await world.Store.Save("mail", default, new Position(5), null, World.Cancel);
        var isPlanted = false;
        mail.Before = async happened =>
        {
            if (happened.Position.Value != 8 || isPlanted)
                return;
            isPlanted = true;
            await world.Store.Save("mail", new Checkpoint(new Position(5), 0), new Position(6), null, World.Cancel);
            throw new TimeoutException("planted");
        };

        await world.Node.Start(World.Cancel);
        await world.Settle();

        Assert.Equal([6, 7, 7, 8, 9], mail.Handled);
        Assert.Empty(await world.Node.Skipped("mail", 10, World.Cancel));
    }

    [Fact]
    public async Task A_checkpoint_store_that_fails_is_tried_again_and_no_event_is_passed_over()
    {
        FailingCheckpoints? checkpoints = null;
        await using var world = await World.Start(Declare(), store => new Adapters(Checkpoints: checkpoints = new FailingCheckpoints(store)));
        checkpoints!.Failures = 4;
        await Fill(world, 5);
        await world.Until(async () => (await world.Store.Load("mail", World.Cancel)).Position.Value == 5, tick);

        Assert.Equal(Numbers(1, 5), mail.Handled.Distinct());
        await world.Settle();
        Assert.Equal(SubscriptionState.Live, (await world.Status("mail")).State);
    }

    [Fact]
    public async Task A_node_stops_in_peace_while_a_skip_is_being_recorded()
    {
        mail.Before = _ => throw new TimeoutException("planted");
        FailingCheckpoints? checkpoints = null;
        await using var world = await World.Start(
            Declare(mails => mails.OnError(ErrorPolicy.Skip)), store => new Adapters(Checkpoints: checkpoints = new FailingCheckpoints(store)));
        checkpoints!.HangsAtSkips = true;
        await Fill(world, 1);
        await checkpoints.Hanging.WaitAsync(TimeSpan.FromSeconds(20), World.Cancel);

        await world.Node.Stop();
        Assert.Empty(await world.Node.Skipped("mail", 10, World.Cancel));
    }

    [Fact]
    public async Task An_unreadable_event_stops_it_like_any_other_failure()
    {
        mail.Before = happened => happened.Event is not null ? ValueTask.CompletedTask : throw new InvalidOperationException();
        await using var world = await Start();
        await world.Log.Append([new StreamAppend(World.Stream("1"), ExpectedVersion.Any, [new EventData(Guid.NewGuid(), "strange", "{}"u8.ToArray())])], World.Cancel);
        await world.Until(async () => (await world.Status("mail")).State is SubscriptionState.Stopped);

        Assert.Contains("no event type is registered", (await world.Status("mail")).Failure, StringComparison.Ordinal);
        Assert.Equal(SubscriptionState.Live, (await world.Status("audit")).State);
    }

    [Fact]
    public async Task An_unknown_name_is_answered_with_the_known_ones()
    {
        await using var world = await Start();

        Assert.Contains("audit", Assert.Throws<ArgumentException>(() => world.Node.Restart("nobody")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_nodes_with_one_subscription_pass_over_nothing()
    {
        await using var first = await Start();
        await using var second = await first.StartAnother(Declare());
        await Task.WhenAll(Fill(first, 20), Fill(second, 20));
        await first.Until(async () => (await first.Store.Load("mail", World.Cancel)).Position.Value == 40, tick);

        Assert.Equal(Numbers(1, 40), mail.Handled.Distinct().Order());
    }

    private Task<World> Start(Action<SubscriptionBuilder>? mails = null) => World.Start(Declare(mails));

    private Action<HeadwaterBuilder> Declare(Action<SubscriptionBuilder>? mails = null) => headwater =>
    {
        headwater.Services.AddSingleton(mail).AddSingleton(audit);
        headwater.AddSubscription<Recorder>("mail", mails).AddSubscription<OtherRecorder>("audit");
    };

    private static async Task Fill(World world, int count)
    {
        for (var i = 0; i < count; i++)
            await world.Open("1");
    }

    private static IEnumerable<long> Numbers(int first, int last) => Enumerable.Range(first, last - first + 1).Select(number => (long)number);

    private sealed class FailingCheckpoints(ICheckpointStore store) : ICheckpointStore
    {
        private readonly TaskCompletionSource hanging = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int failures;

        public int Failures { set => failures = value; }

        public bool HangsAtSkips { get; set; }

        public Task Hanging => hanging.Task;

        public ValueTask<Checkpoint> Load(string subscription, CancellationToken cancel) => store.Load(subscription, cancel);

        public ValueTask<Checkpoint> Claim(string subscription, long fence, CancellationToken cancel) => store.Claim(subscription, fence, cancel);

        public async ValueTask<bool> Save(string subscription, Checkpoint from, Position to, SkippedEvent? skipped, CancellationToken cancel)
        {
            if (skipped is not null && HangsAtSkips)
            {
                hanging.TrySetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
            }

            return subscription == "mail" && Interlocked.Decrement(ref failures) >= 0
                ? throw new TimeoutException("planted")
                : await store.Save(subscription, from, to, skipped, cancel);
        }

        public ValueTask<IReadOnlyList<SkippedEvent>> ReadSkipped(string subscription, int limit, CancellationToken cancel) =>
            store.ReadSkipped(subscription, limit, cancel);
    }
}
