using System.Threading.Channels;

namespace Headwater.Brokers.Tests;

/// <summary>
/// What every broker between nodes must do, on a real server: tell what is published where somebody follows and nowhere else, tell of
/// appends, and cost nothing but time when it is away.
/// </summary>
public abstract class BrokerSpecification : IAsyncLifetime
{
    private readonly MemoryStore store = new(TimeProvider.System, Guid.NewGuid);
    private readonly List<TestNode> nodes = [];

    private protected BrokerServer Server { get; private set; } = null!;

    private protected abstract string[] Command(BrokerServer server);

    private protected abstract void Use(HeadwaterBuilder headwater);

    /// <summary>The channels of topics that somebody listens to, as the server sees it.</summary>
    private protected abstract Task<IReadOnlyList<string>> Channels();

    /// <summary>What a server that was started for the first time needs.</summary>
    private protected virtual Task Prepare() => Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        Server = await BrokerServer.Start(Command);
        await Prepare();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in nodes)
            await node.DisposeAsync();
        await Server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task What_is_published_at_one_node_comes_to_who_follows_at_another_once_and_in_order()
    {
        var (one, other) = (await Node(), await Node());
        var (here, there) = (one.Follow(), other.Follow());
        await Until(async () => (await Channels()).Count == 1);
        await Connect(one, there);
        for (var i = 0; i < 500; i++)
            one.Say($"{i}");
        for (var i = 0; i < 500; i++)
            Assert.Equal($"{i}", await Next(there));
        other.Say("back");
        await Comes(here, "back");
    }

    [Fact]
    public async Task Only_what_somebody_follows_travels()
    {
        var (one, other) = (await Node(), await Node());
        one.Say("nobody", key: "unheard");
        Assert.Empty(await Channels());
        var there = other.Follow("a.*.> b\u00f6\U0001F642/x");
        await Until(async () => (await Channels()).Count == 1);
        one.Say("elsewhere", key: "other");
        await Connect(one, there, "a.*.> b\u00f6\U0001F642/x");
        Assert.Single(await Channels());
    }

    [Fact]
    public async Task Who_is_there_is_known_at_every_node_however_late_it_asks()
    {
        var (one, other) = (await Node(), await Node());
        one.Topics.Join("chat", "room", "ann", "{\"mood\":1}"u8.ToArray(), "user-1");
        var there = other.Follow();
        Assert.Equal("joined", await Next(there));
        Assert.Equal(["ann"], other.Topics.Members("chat", "room"));

        // Nobody else takes it over elsewhere; who it is may go on anywhere.
        Assert.Throws<TopicRefusedException>(() => other.Topics.Join("chat", "room", "ann", default, "user-2"));
        other.Topics.Join("chat", "room", "ann", "{\"mood\":2}"u8.ToArray(), "user-1");
        Assert.Equal("changed", await Next(there));
        one.Topics.Leave("chat", "room", "ann", "user-1");
        Assert.Equal("left", await Next(there));
    }

    [Fact]
    public async Task The_latest_of_each_is_the_same_at_all_nodes()
    {
        var (one, other) = (await Node(), await Node());
        var there = other.Follow(topic: "state");
        await Until(async () => (await Channels()).Count == 1);
        await Connect(one, there, topic: "state");
        for (var i = 0; i < 300; i++)
            one.Say($"{i}", topic: "state", by: "job");
        await Comes(there, "299");
    }

    [Fact]
    public async Task An_append_is_seen_at_the_other_node_without_a_poll()
    {
        var (one, other) = (await Node(), await Node());
        await one.Append(1);
        await SeenAt(other, 1);
        await other.Append(2);
        await SeenAt(one, 2);
        for (var i = 3; i <= 50; i++)
            await one.Append(i);
        await SeenAt(other, 50);
    }

    [Fact]
    public async Task A_broker_that_is_killed_and_comes_back_costs_time_and_who_missed_something_is_told()
    {
        var (one, other) = (await Node(), await Node());
        var (here, there) = (one.Follow(), other.Follow());
        await Until(async () => (await Channels()).Count == 1);
        await Connect(one, there);
        await Server.Kill();

        // Nothing is thrown at anybody, and each node goes on for itself.
        one.Say("alone");
        await Comes(here, "alone");
        await one.Append(1);
        one.Topics.Join("chat", "room", "ann");
        await Server.Start();

        await Comes(there, "reset");
        await Connect(one, there);
        await SeenAt(other, 1);
        await one.Append(2);
        await SeenAt(other, 2);
        await Until(() => ValueTask.FromResult(other.Topics.Members("chat", "room").Contains("ann")));
    }

    [Fact]
    public async Task Nodes_start_without_a_broker_and_find_it_when_it_comes()
    {
        await Server.Kill();
        var (one, other) = (await Node(TimeSpan.FromMilliseconds(50)), await Node(TimeSpan.FromMilliseconds(50)));
        var there = other.Follow();
        one.Say("unheard");
        await one.Append(1);
        await SeenAt(other, 1);
        await Server.Start();
        await Connect(one, there);
    }

    private async Task<TestNode> Node(TimeSpan? poll = null)
    {
        var node = await TestNode.Start(store, Use, poll);
        nodes.Add(node);
        return node;
    }

    /// <summary>Says something at one node until it comes to a follower at the other, and forgets what came of it.</summary>
    private static async Task Connect(TestNode from, ChannelReader<string> there, string key = "room", string topic = "chat")
    {
        var said = 0;
        await Until(async () =>
        {
            from.Say("probe", key, topic, by: $"{said++}");
            using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
            try
            {
                return await there.ReadAsync(soon.Token) == "probe";
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        });

        // The others come or were lost; a last one that is told apart ends them.
        from.Say("end", key, topic, by: "end");
        await Comes(there, "end");
    }

    private static async Task<string> Next(ChannelReader<string> seen) =>
        await seen.ReadAsync(TestNode.Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(30), TestNode.Cancel);

    /// <summary>Waits until something comes, whatever comes before it.</summary>
    private static async Task Comes(ChannelReader<string> seen, string what)
    {
        while (await Next(seen) != what)
            continue;
    }

    private static async Task SeenAt(TestNode node, int number)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestNode.Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        await foreach (var page in node.Log.Follow(LogFilter.Everything, Position.Start, limit.Token))
            if (page.Events.Any(happened => happened.Event is BellEvent.Rung rung && rung.Number == number))
                return;
    }

    private static async Task Until(Func<ValueTask<bool>> isSo)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestNode.Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!await isSo())
            await pause.WaitForNextTickAsync(limit.Token);
    }
}
