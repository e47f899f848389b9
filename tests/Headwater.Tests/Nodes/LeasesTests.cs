using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Headwater.Tests;

/// <summary>Two nodes over one store with leases: what is shared is run by one of them.</summary>
public sealed class LeasesTests : IAsyncDisposable
{
    private static readonly TimeSpan duration = TimeSpan.FromSeconds(6);

    private readonly FakeTimeProvider storeTime = new();
    private readonly MemoryLeaseStore leases;
    private readonly List<Member> members = [];
    private readonly List<TaskCompletionSource> gates = [];

    public LeasesTests() => leases = new MemoryLeaseStore(storeTime);

    [Fact]
    public async Task One_runs_and_the_other_stands_by()
    {
        var (first, second) = await StartTwo();
        await Fill(first, 5);
        await Settle(first);
        await Pass(duration * 3);
        await Fill(second, 5);
        await Settle(second);

        Assert.Equal(Numbers(1, 10), first.Mail.Handled);
        Assert.Empty(second.Mail.Handled);
        foreach (var name in new[] { "mail", "board" })
        {
            var (running, standing) = (await first.World.Status(name), await second.World.Status(name));
            Assert.Equal((SubscriptionState.Live, new Position(10), first.Id), (running.State, running.Position, running.Owner));
            Assert.Equal((SubscriptionState.Standby, new Position(10), first.Id), (standing.State, standing.Position, standing.Owner));
        }

        Assert.Equal(new[] { first.Id, second.Id }.Order(), second.Leases.Nodes.Select(node => node.Id).Order());
        Assert.Equal(Environment.ProcessId, first.Leases.Self.ProcessId);
    }

    [Fact]
    public async Task When_one_dies_the_other_goes_on_where_it_stood_once_the_lease_is_over()
    {
        var (first, second) = await StartTwo();
        await Fill(first, 3);
        await Settle(first);
        await Kill(first);
        await Fill(second, 3);

        await Pass(duration / 3, second);
        Assert.Equal(SubscriptionState.Standby, (await second.World.Status("mail")).State);
        Assert.Empty(second.Mail.Handled);
        await Pass(duration, second);
        await Settle(second);

        Assert.Equal(Numbers(1, 3), first.Mail.Handled);
        Assert.Equal(Numbers(4, 3), second.Mail.Handled);
        var status = await second.World.Status("board");
        Assert.Equal((SubscriptionState.Live, second.Id), (status.State, status.Owner));
        Assert.Equal(new Checkpoint(new Position(6), 0, 2), await first.World.Store.Load("mail", World.Cancel));
        Assert.Equal(new Checkpoint(new Position(6), 0, 2), (await first.World.Store.State("board", World.Cancel)).Checkpoint);
        Assert.Equal([second.Id], second.Leases.Nodes.Select(node => node.Id));
    }

    [Fact]
    public async Task A_clean_stop_hands_over_with_the_other_nodes_next_renewal()
    {
        var (first, second) = await StartTwo();
        await Fill(first, 3);
        await Settle(first);

        await first.World.Node.Stop();
        await Fill(second, 1);
        await Pass(duration / 3, second);
        await Settle(second);

        Assert.Equal([4], second.Mail.Handled);
        await first.World.Node.Stop();
        Assert.Equal(1, first.Way.Released);
    }

    [Fact]
    public async Task What_runs_is_ended_before_its_lease_is_given_up()
    {
        var (first, second) = await StartTwo();
        var (begun, gate) = (Gate(), Gate());
        first.Mail.Before = _ =>
        {
            begun.TrySetResult();
            return new ValueTask(gate.Task);
        };
        first.Way.BeforeRelease = () => Assert.Equal([1], first.Mail.Handled);
        await Fill(first, 1);
        await begun.Task.WaitAsync(World.Cancel);

        var stopping = first.World.Node.Stop();
        await Pass(duration / 3, second);
        Assert.Equal((0, first.Id), (first.Way.Released, second.Leases.OwnerOf("mail")));
        gate.SetResult();
        await stopping;
        Assert.Equal(1, first.Way.Released);
    }

    /// <summary>Its own clock has stood still meanwhile, so it believes that it has its lease.</summary>
    [Fact]
    public async Task A_node_that_was_paused_and_comes_back_can_write_nothing()
    {
        var (first, second) = await StartTwo();
        var (pause, late) = (Gate(), Gate());
        first.Mail.Before = _ => new ValueTask(pause.Task);
        first.Board.Before = _ => new ValueTask(pause.Task);
        second.Mail.Before = _ => new ValueTask(late.Task);
        second.Board.Before = _ => new ValueTask(late.Task);
        await first.World.Append("1", [.. Enumerable.Repeat(new OrderEvent.Opened("Ada"), 3)]);
        await Pass(duration * 1.5, [second], paused: first);

        // The new owner has claimed and saved nothing yet: but for the fence the former one's place would be as it left it.
        var claimed = new Checkpoint(Position.Start, 0, 2);
        await first.World.Until(async () => await first.World.Store.Load("mail", World.Cancel) == claimed
            && (await first.World.Store.State("board", World.Cancel)).Checkpoint == claimed);
        pause.SetResult();
        foreach (var name in new[] { "mail", "board" })
            await first.World.Until(async () => (await first.World.Status(name)).State is SubscriptionState.Standby);
        Assert.Equal(Numbers(1, 3), first.Mail.Handled);
        Assert.Equal(claimed, await first.World.Store.Load("mail", World.Cancel));
        Assert.Equal(claimed, (await first.World.Store.State("board", World.Cancel)).Checkpoint);
        Assert.Empty((await first.World.Store.FindRows("board", [], null, 10, World.Cancel)).Rows);

        late.SetResult();
        await Settle(second);
        Assert.Equal(Numbers(1, 3), second.Mail.Handled);
    }

    [Fact]
    public async Task A_node_that_cannot_renew_runs_on_until_its_lease_is_over_and_again_when_it_can()
    {
        var node = await Start();
        await Fill(node, 1);
        await Settle(node);
        node.Way.IsCut = true;
        await Pass(duration / 3);
        await Fill(node, 1);
        await Settle(node);
        Assert.Equal((SubscriptionState.Live, true), ((await node.World.Status("mail")).State, node.Leases.IsFailing));

        await Pass(duration);
        await node.World.Until(async () => (await node.World.Status("mail")).State is SubscriptionState.Standby);
        Assert.Null((await node.World.Status("mail")).Owner);
        Assert.Empty(node.Leases.Nodes);
        await Fill(node, 1);
        node.Way.IsCut = false;
        await Pass(duration);
        await Settle(node);

        Assert.Equal(Numbers(1, 3), node.Mail.Handled);
        Assert.False(node.Leases.IsFailing);
        Assert.Equal(new Checkpoint(new Position(3), 0, 2), await node.World.Store.Load("mail", World.Cancel));
    }

    [Fact]
    public async Task A_handler_at_work_is_told_when_the_lease_is_over()
    {
        var node = await Start();
        var begun = new TaskCompletionSource();
        var ended = new TaskCompletionSource();
        node.Mail.AtWork = async cancel =>
        {
            begun.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ended.SetResult();
            cancel.ThrowIfCancellationRequested();
        };
        await Fill(node, 1);
        await begun.Task.WaitAsync(World.Cancel);
        node.Way.IsCut = true;

        await Pass(duration * 2);

        await ended.Task.WaitAsync(TimeSpan.FromSeconds(20), World.Cancel);
        await node.World.Until(async () => (await node.World.Status("mail")).State is SubscriptionState.Standby);
    }

    /// <summary>Otherwise it would stand by for ever, and nobody would know why.</summary>
    [Fact]
    public async Task A_checkpoint_with_a_higher_fence_than_the_lease_is_left_alone()
    {
        var node = await Start(world => ((ICheckpointStore)world).Claim("mail", 9, World.Cancel).AsTask());
        await Fill(node, 1);
        await Settle(node, "board");

        await node.World.Until(async () => (await node.World.Status("mail")).State is SubscriptionState.Standby);
        Assert.Empty(node.Mail.Handled);
        Assert.Equal(new Checkpoint(Position.Start, 0, 9), await node.World.Store.Load("mail", World.Cancel));
    }

    [Fact]
    public async Task What_another_node_runs_is_restarted_there()
    {
        var (first, second) = await StartTwo();

        var thrown = Assert.Throws<InvalidOperationException>(() => second.World.Node.Restart("mail"));

        Assert.Contains("'mail' is run by", thrown.Message, StringComparison.Ordinal);
        Assert.Contains(first.Id, thrown.Message, StringComparison.Ordinal);
        first.World.Node.Restart("mail");
    }

    [Fact]
    public async Task What_another_node_runs_can_be_rebuilt_from_here()
    {
        var (first, second) = await StartTwo();
        await Fill(first, 3);
        await Settle(first);

        await second.World.Node.Rebuild("board", World.Cancel);
        await Pass(duration);

        await Settle(second);
        Assert.Equal(new Checkpoint(new Position(3), 1, 1), (await first.World.Store.State("board", World.Cancel)).Checkpoint);
        Assert.Equal(SubscriptionState.Standby, (await second.World.Status("board")).State);
    }

    /// <summary>No clock moves, so it is the hint that wakes them and not a poll.</summary>
    [Fact]
    public async Task A_nodes_followers_and_queries_notice_what_another_node_has_done_by_its_hint()
    {
        var (first, second) = await StartTwo();
        var session = await second.World.Follow(null, "board");
        Assert.Empty(await session.Drain());
        var gate = Gate();
        first.Board.Before = _ => new ValueTask(gate.Task);
        await Fill(first, 1);
        second.Signal.Ring();
        await second.World.Until(() => second.World.Node.Tail.Position.Value == 1);
        var waiting = second.World.Node.ReadModels["board"].WaitFor("1", new Position(1), TimeSpan.FromMinutes(1), World.Cancel).AsTask();
        var more = session.More;

        gate.SetResult();
        await Settle(first, "board");
        await second.World.Until(() =>
        {
            second.Signal.Ring();
            return more.IsCompleted && waiting.IsCompleted;
        });

        Assert.True(await waiting);
        Assert.Single(await session.Drain());
    }

    public async ValueTask DisposeAsync()
    {
        // A test that failed may have left a handler waiting, and a node that stops waits for its handlers.
        foreach (var gate in gates)
            gate.TrySetResult();
        foreach (var member in Enumerable.Reverse(members))
            await member.World.DisposeAsync();
    }

    private TaskCompletionSource Gate()
    {
        gates.Add(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        return gates[^1];
    }

    private async Task<(Member First, Member Second)> StartTwo()
    {
        var first = await Start();
        var second = await Start();
        await second.World.Until(() => second.Way.Renewals > 0);
        return (first, second);
    }

    private async Task<Member> Start(Func<MemoryStore, Task>? before = null)
    {
        var (mail, board, way, signal) = (new BusyRecorder(), new OrderRows(), new WatchedLeases(leases), new Bell());
        var adapters = new Adapters(Signal: signal, Leases: way);
        World world;
        if (members.Count == 0)
        {
            world = World.Create(Declare(mail, board), _ => adapters);
            await (before?.Invoke(world.Store) ?? Task.CompletedTask);
            await world.Node.Start(World.Cancel);
        }
        else
        {
            world = await members[0].World.StartAnother(
                Declare(mail, board), adapters, new FakeTimeProvider(members[0].World.Time.GetUtcNow()));
        }

        var member = new Member(world, way, mail, board, signal);
        members.Add(member);
        await world.Until(() => member.Leases.OwnerOf("mail") is not null);
        return member;
    }

    private static Action<HeadwaterBuilder> Declare(BusyRecorder mail, OrderRows board) => headwater =>
    {
        headwater.Services.AddSingleton(mail).AddSingleton(board);
        headwater.Configure(options => options.LeaseDuration = duration)
            .AddSubscription<BusyRecorder>("mail")
            .AddProjection<OrderRows, OrderRow>("board", projection => projection.KeyedByStream("order"))
            .AddFeed("board", feed => feed.Rows("board", "board-row").AllowAnonymous());
    };

    private static async Task Fill(Member member, int count)
    {
        for (var i = 0; i < count; i++)
            await member.World.Open("1");
    }

    /// <summary>Waits until all is done, while the nodes hear of each other.</summary>
    private async Task Settle(Member member, params string[] names)
    {
        var settling = member.World.Settle(names);
        await member.World.Until(() =>
        {
            foreach (var each in members)
                each.Signal.Ring();
            return settling.IsCompleted;
        });
        await settling;
    }

    /// <summary>Ends a node as a crash would, as far as the others can see: nothing is given up.</summary>
    private static async Task Kill(Member member)
    {
        member.Way.IsCut = true;
        await member.World.Node.Stop();
    }

    private Task Pass(TimeSpan time, params Member[] alive) => Pass(time, alive.Length == 0 ? [.. members] : alive, null);

    /// <summary>Lets time pass in steps, in each of which every living node has asked for its leases.</summary>
    private async Task Pass(TimeSpan time, Member[] alive, Member? paused)
    {
        var step = duration / 3;
        for (var passed = TimeSpan.Zero; passed < time; passed += step)
        {
            var before = alive.Select(member => member.Way.Renewals).ToArray();
            storeTime.Advance(step);
            foreach (var member in members.Where(member => member != paused))
                member.World.Time.Advance(step);

            // A node that had not begun to wait yet waits from now on.
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(World.Cancel);
            limit.CancelAfter(TimeSpan.FromSeconds(20));
            while (alive.Where((member, i) => member.Way.Renewals == before[i]).ToList() is { Count: > 0 } late)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), limit.Token);
                foreach (var member in late)
                    member.World.Time.Advance(step / 20);
            }
        }
    }

    private static IEnumerable<long> Numbers(int first, int count) => Enumerable.Range(first, count).Select(number => (long)number);

    private sealed record Member(World World, WatchedLeases Way, BusyRecorder Mail, OrderRows Board, Bell Signal)
    {
        public Leases Leases => World.Node.Leases!;

        public string Id => Leases.Self.Id;
    }

    /// <summary>A handler that can be at work for a while.</summary>
    private sealed class BusyRecorder : ISubscriptionHandler
    {
        private readonly Recorder recorder = new();

        public Func<RecordedEvent, ValueTask> Before { set => recorder.Before = value; }

        public Func<CancellationToken, Task> AtWork { get; set; } = _ => Task.CompletedTask;

        public IReadOnlyList<long> Handled => recorder.Handled;

        public async ValueTask Handle(RecordedEvent happened, CancellationToken cancel)
        {
            await AtWork(cancel);
            await recorder.Handle(happened, cancel);
        }
    }

    private sealed class Bell : ISignal
    {
        private readonly Pulse rings = new();

        public void Ring() => rings.Beat();

        public async ValueTask Wait(CancellationToken cancel) => await rings.Next.WaitAsync(cancel);
    }
}
