using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Headwater.Tests;

/// <summary>A node over a memory store, with a clock that stands still unless a test moves it.</summary>
internal sealed class World : IAsyncDisposable
{
    private readonly ServiceProvider services;

    private World(
        MemoryStore store, FakeTimeProvider time, Action<HeadwaterBuilder> declare, Adapters? adapters, Action<StreamType<Order, OrderEvent>>? orders = null)
    {
        (Store, Time) = (store, time);
        var collection = new ServiceCollection();
        var builder = new HeadwaterBuilder(collection);
        builder.UseJson(OrdersJson.Default).AddStream<Order, OrderEvent>("order", orders);
        declare(builder);
        collection.AddSingleton(_ => Log);
        services = collection.BuildServiceProvider();
        Node = new Node(
            builder, services, adapters?.Log ?? store, adapters?.ReadModels ?? store, adapters?.Checkpoints ?? store, adapters?.Signal,
            adapters?.Leases, new Surroundings(time, TaskScheduler.Default, new Random(1), Guid.NewGuid), NullLoggerFactory.Instance);
    }

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public MemoryStore Store { get; }

    public FakeTimeProvider Time { get; }

    public Node Node { get; }

    public Log Log => Node.Log;

    public Decider<Order, OrderEvent> Orders => services.GetRequiredService<Decider<Order, OrderEvent>>();

    /// <summary>Puts a node together without starting it.</summary>
    public static World Create(
        Action<HeadwaterBuilder>? declare = null, Func<MemoryStore, Adapters>? adapters = null, Action<StreamType<Order, OrderEvent>>? orders = null)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var store = new MemoryStore(time, Guid.NewGuid);
        return new World(store, time, declare ?? (_ => { }), adapters?.Invoke(store), orders);
    }

    public static async Task<World> Start(
        Action<HeadwaterBuilder>? declare = null, Func<MemoryStore, Adapters>? adapters = null, Action<StreamType<Order, OrderEvent>>? orders = null)
    {
        var world = Create(declare, adapters, orders);
        await world.Node.Start(Cancel);
        return world;
    }

    /// <summary>Starts another node on the same store.</summary>
    public async Task<World> StartAnother(Action<HeadwaterBuilder>? declare = null, Adapters? adapters = null, FakeTimeProvider? time = null)
    {
        var world = new World(Store, time ?? Time, declare ?? (_ => { }), adapters);
        await world.Node.Start(Cancel);
        return world;
    }

    public static StreamId Stream(string key) => new("order", key);

    /// <summary>Appends events to an order, whatever its version.</summary>
    public async Task<Position> Append(string key, params object[] events)
    {
        var result = await Log.Append(Stream(key), ExpectedVersion.Any, events, cancel: Cancel);
        return Assert.IsType<AppendResult.Appended>(result).Position;
    }

    public Task<Position> Open(string key, string customer = "Ada") => Append(key, new OrderEvent.Opened(customer));

    public Task<Position> AddLine(string key, int quantity = 1) => Append(key, new OrderEvent.LineAdded("pen", quantity));

    /// <summary>Lets the others run until something is so. With <paramref name="tick"/> the clock moves by it at each look.</summary>
    public async Task Until(Func<ValueTask<bool>> isSo, TimeSpan tick = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        while (!await isSo())
        {
            Assert.False(limit.IsCancellationRequested, "It did not become so within 20 s.");
            if (tick > TimeSpan.Zero)
                Time.Advance(tick);
            await Task.Yield();
        }
    }

    public Task Until(Func<bool> isSo, TimeSpan tick = default) => Until(() => ValueTask.FromResult(isSo()), tick);

    /// <summary>Waits until the tail, the subscriptions and the view tails have done all that is in the log.</summary>
    public async Task Settle(params string[] names)
    {
        var head = (await Log.Head(Cancel)).Position;
        await Until(() => Node.Tail.Position >= head);
        await Until(async () => (await Node.Status(Cancel)).Where(status => names.Length == 0 || names.Contains(status.Name))
            .All(status => status.Position >= head));
        foreach (var projection in Node.Projections.Where(projection => names.Length == 0 || names.Contains(projection.Name)))
            await Until(async () => (await projection.LoadCheckpoint(Cancel)).Position >= head);
        foreach (var feed in Node.Feeds.Values.OfType<ViewFeed>().Where(feed => names.Length == 0 || names.Contains(feed.Tail.Name)))
            await Until(async () => (feed.Tail.At, await feed.Tail.State(Cancel)) is var (at, state)
                && at.Position >= head && at.Generation == state.Checkpoint.Generation);
    }

    public async Task<SubscriptionStatus> Status(string name) => (await Node.Status(Cancel)).Single(status => status.Name == name);

    public async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync();
        await services.DisposeAsync();
    }
}

/// <summary>What stands between a node and its memory store, where a test needs something there.</summary>
internal sealed record Adapters(
    ILogStore? Log = null, IReadModelStore? ReadModels = null, ICheckpointStore? Checkpoints = null, ISignal? Signal = null,
    ILeaseStore? Leases = null);
