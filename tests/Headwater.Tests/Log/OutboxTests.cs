using System.Data.Common;
using Headwater.Specifications;

namespace Headwater.Tests;

/// <summary>What the log itself does about appends in transactions of the application; the stores' part is in the specifications.</summary>
public sealed class OutboxTests
{
    private static readonly StreamId one = World.Stream("1");

    [Fact]
    public async Task A_store_without_transactions_refuses_and_says_the_way_out()
    {
        await using var world = await World.Start();
        using var transaction = new ForeignTransaction();

        var thrown = await Assert.ThrowsAsync<NotSupportedException>(async () =>
            await world.Log.Append(transaction, one, ExpectedVersion.Any, [new OrderEvent.Opened("Ada")], cancel: World.Cancel));

        Assert.Contains("MemoryStore", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("UseSqlite", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_store_gets_the_transaction_with_whole_requests_within_the_limits()
    {
        OutboxLog? outbox = null;
        await using var world = await World.Start(
            headwater => headwater.AddProjection<OrderRows, OrderRow>("orders", orders => orders.Inline()),
            adapters: store => new Adapters(outbox = new OutboxLog(store)));
        using var transaction = new ForeignTransaction();

        var result = await world.Log.Append(transaction, one, ExpectedVersion.Exactly(3), [new OrderEvent.Opened("Ada")], cancel: World.Cancel);
        var twice = world.Log.Prepare(one, ExpectedVersion.Any, [new OrderEvent.Opened("Ada")]);
        var refused = await Assert.ThrowsAsync<ArgumentException>(async () => await world.Log.Append(transaction, [twice, twice], World.Cancel));
        await Assert.ThrowsAsync<ArgumentException>(async () => await world.Log.Append(transaction, [], World.Cancel));

        Assert.Same(OutboxLog.Result, result);
        Assert.Contains("stands twice", refused.Message, StringComparison.Ordinal);
        var (given, request) = Assert.Single(outbox!.Requests);
        Assert.Same(transaction, given);
        Assert.Null(request.Receipt);
        Assert.Equal("orders", Assert.Single(request.Participants).Name);
        Assert.Equal((one, ExpectedVersion.Exactly(3), "opened"), (request.Streams[0].Stream, request.Streams[0].Expected, request.Streams[0].Events[0].Type));
    }

    /// <summary>The clock stands still, so nothing but the ring can wake the tail.</summary>
    [Fact]
    public async Task The_tail_is_rung_by_who_saw_the_commit()
    {
        OutboxLog? outbox = null;
        await using var world = await World.Start(adapters: store => new Adapters(outbox = new OutboxLog(store)));
        await outbox!.Append(new AppendRequest([world.Log.Prepare(one, ExpectedVersion.Any, [new OrderEvent.Opened("Ada")])]), World.Cancel);

        world.Log.Committed();

        await world.Until(() => world.Node.Tail.Position.Value == 1);
        Assert.Equal(1, outbox.Commits);
    }

    /// <summary>Notes what it is given.</summary>
    private sealed class OutboxLog(ILogStore store) : ITransactionalLogStore
    {
        public static AppendResult Result { get; } = new AppendResult.Conflict(one, ExpectedVersion.None, 7);

        public List<(DbTransaction, AppendRequest)> Requests { get; } = [];

        public int Commits { get; private set; }

        public bool CommitsInOrder => store.CommitsInOrder;

        public ValueTask<AppendResult> Append(DbTransaction transaction, AppendRequest request, CancellationToken cancel)
        {
            Requests.Add((transaction, request));
            return ValueTask.FromResult(Result);
        }

        public void Committed() => Commits++;

        public ValueTask<LogHead> Head(CancellationToken cancel) => store.Head(cancel);

        public ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel) => store.Append(request, cancel);

        public ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel) => store.Read(query, cancel);

        public ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(StreamId stream, long afterVersion, int limit, CancellationToken cancel) =>
            store.ReadStream(stream, afterVersion, limit, cancel);

        public ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel) => store.FindReceipt(key, cancel);
    }
}
