using System.Data.Common;

namespace Headwater.Specifications;

/// <summary>Appends in a transaction of the application: the transactional outbox.</summary>
public abstract partial class LogStoreSpecification
{
    [Fact]
    public async Task Events_of_a_transaction_are_read_once_it_commits_and_not_before()
    {
        Needs(Capabilities.Outbox);
        await Happen("1");
        await using var own = await Begin();
        var events = Events(3, new Tag("airport", "ATL"));

        var appended = Assert.IsType<AppendResult.Appended>(await Append(own, To(Stream("1"), events)));
        Assert.Single((await Read()).Events);
        await own.Transaction.CommitAsync(Cancel);

        Assert.Equal(4, appended.Streams[0].Version);
        Assert.False(appended.AlreadyKnown);
        var read = (await Read()).Events.Skip(1).ToList();
        Assert.Equal(Ids(events), Ids(read));
        Assert.Equal([2, 3, 4], read.Select(happened => happened.Version));
        Assert.Equal(appended.Position, read[^1].Position);
        Assert.Equal(Ids(events), Ids((await Read(new LogFilter.Tagged(new Tag("airport", "ATL")))).Events));
        await Happen("1");
        Assert.Equal([1, 2, 3, 4, 5], (await Log.ReadStream(Stream("1"), 0, 10, Cancel)).Select(happened => happened.Version));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Events_of_a_transaction_that_is_rolled_back_are_never_seen(bool isTold)
    {
        Needs(Capabilities.Outbox);
        var events = Events(2);
        await using (var own = await Begin())
        {
            Assert.IsType<AppendResult.Appended>(await Append(own, To(Stream("1"), events)));
            if (isTold)
                await own.Transaction.RollbackAsync(Cancel);
        }

        Assert.Empty((await Read()).Events);
        var again = await Appended(To(Stream("1"), events));
        Assert.False(again.AlreadyKnown);
        Assert.Equal(2, again.Streams[0].Version);
        Assert.Equal(Ids(events), Ids((await Read()).Events));
    }

    [Fact]
    public async Task A_transaction_sees_what_it_appended_before()
    {
        Needs(Capabilities.Outbox);
        await using var own = await Begin();
        var first = Event();

        await Append(own, new StreamAppend(Stream("1"), ExpectedVersion.None, [first]));
        var second = await Append(own, new StreamAppend(Stream("1"), ExpectedVersion.Exactly(1), Events(1)), To(Stream("2"), Events(2)));
        var known = Assert.IsType<AppendResult.Appended>(await Append(own, new StreamAppend(Stream("1"), ExpectedVersion.None, [first])));
        await own.Transaction.CommitAsync(Cancel);

        Assert.Equal([2, 2], Assert.IsType<AppendResult.Appended>(second).Streams.Select(stream => stream.Version));
        Assert.True(known.AlreadyKnown);
        Assert.Equal(4, (await Read()).Events.Count);
    }

    [Fact]
    public async Task A_conflict_is_a_result_and_leaves_the_transaction_as_it_was()
    {
        Needs(Capabilities.Outbox);
        await Happen("1");
        await using var own = await Begin();
        await Append(own, To(Stream("2"), Events(1)));

        var conflict = Assert.IsType<AppendResult.Conflict>(
            await Append(own, To(Stream("3"), Events(1)), new StreamAppend(Stream("1"), ExpectedVersion.None, Events(1))));
        await Append(own, To(Stream("2"), Events(1)));
        await own.Transaction.CommitAsync(Cancel);

        Assert.Equal((Stream("1"), ExpectedVersion.None, 1), (conflict.Stream, conflict.Expected, conflict.Actual));
        Assert.Equal(["1", "2", "2"], (await Read()).Events.Select(happened => happened.Stream.Key));
    }

    [Fact]
    public async Task Known_events_change_nothing_in_a_transaction_and_a_reused_id_is_told()
    {
        Needs(Capabilities.Outbox);
        var events = Events(2);
        await Appended(To(Stream("1"), events));
        await using var own = await Begin();

        var known = Assert.IsType<AppendResult.Appended>(await Append(own, new StreamAppend(Stream("1"), ExpectedVersion.None, events)));
        var part = Assert.IsType<AppendResult.IdReused>(await Append(own, To(Stream("1"), Event(), events[0])));
        await Append(own, To(Stream("2"), Events(1)));
        await own.Transaction.CommitAsync(Cancel);

        Assert.True(known.AlreadyKnown);
        Assert.Equal(2, known.Streams[0].Version);
        Assert.Equal(events[0].Id, part.EventId);
        Assert.Equal(["1", "1", "2"], (await Read()).Events.Select(happened => happened.Stream.Key));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_transaction_that_has_ended_takes_nothing(bool isCommitted)
    {
        Needs(Capabilities.Outbox);
        await using var own = await Begin();
        await Append(own, To(Stream("1"), Events(1)));
        await (isCommitted ? own.Transaction.CommitAsync(Cancel) : own.Transaction.RollbackAsync(Cancel));

        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(async () => await Append(own, To(Stream("1"), Events(1))));

        Assert.Contains("has ended", thrown.Message, StringComparison.Ordinal);
        Assert.Equal(isCommitted ? 1 : 0, (await Read()).Events.Count);
    }

    [Fact]
    public async Task Participants_join_a_transaction_and_their_exceptions_undo_the_append_alone()
    {
        Needs(Capabilities.Outbox);
        await using var own = await Begin();
        var (seen, events) = (new List<Guid>(), Events(1));
        var request = new AppendRequest([To(Stream("1"), events)]);
        await Outbox.Append(own.Transaction, request with
        {
            Participants = [new Participant(async (transaction, cancel) => seen.AddRange(Ids((await transaction.Read(Query(LogFilter.Everything), cancel)).Events)))],
        }, Cancel);

        await Assert.ThrowsAsync<TimeoutException>(async () => await Outbox.Append(own.Transaction, new AppendRequest([To(Stream("2"), Events(1))])
        {
            Participants = [new Participant((_, _) => throw new TimeoutException("planted"))],
        }, Cancel));
        await own.Transaction.CommitAsync(Cancel);

        Assert.Equal(Ids(events), seen);
        Assert.Equal(Ids(events), Ids((await Read()).Events));
    }

    [Fact]
    public async Task Rows_of_a_participant_share_the_fate_of_the_transaction()
    {
        Needs(Capabilities.Outbox);
        Needs(Capabilities.Inline);
        await Stores.ReadModels.Prepare(new ReadModelSchema("inline", []), null, Cancel);
        foreach (var isCommitted in new[] { false, true })
        {
            await using var own = await Begin();
            await Outbox.Append(own.Transaction, new AppendRequest([To(Stream("1"), Events(1))])
            {
                Participants = [new Participant(async (transaction, cancel) =>
                {
                    var rows = (IReadModelTransaction)transaction;
                    var next = (await rows.Read(Query(LogFilter.Everything), cancel)).Next;
                    Assert.True(await rows.Commit(new ProjectionCommit("inline", default, next, [new StoredRow("k", next, "{}"u8.ToArray())]), cancel));
                })],
            }, Cancel);
            await (isCommitted ? own.Transaction.CommitAsync(Cancel) : own.Transaction.RollbackAsync(Cancel));

            Assert.Equal(isCommitted ? 1 : 0, (await Stores.ReadModels.ReadRow("inline", "k", Cancel)).Rows.Count);
        }
    }

    [Fact]
    public async Task A_reader_beside_transactions_and_ordinary_appends_finds_every_event_once_and_in_order()
    {
        Needs(Capabilities.Outbox);
        var writing = Task.WhenAll(Write(Log), WriteInTransactions());
        var readers = Enumerable.Range(0, 2).Select(reader => Task.Run(() => Follow(Log, writing, limit: 1 + 7 * reader), Cancel)).ToList();
        var written = (await writing).SelectMany(ids => ids).ToHashSet();

        foreach (var seen in await Task.WhenAll(readers))
            Check(written, seen);
    }

    /// <summary>Several applications, whose transactions go in part into the stream that all share; some are rolled back.</summary>
    private async Task<HashSet<Guid>> WriteInTransactions()
    {
        var ids = await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
        {
            var mine = new List<Guid>();
            for (var i = 0; i < AppendsPerWriter; i++)
            {
                await using var own = await Begin();
                var (alone, shared) = (Events(1 + i % 3), Events(1));
                Assert.IsType<AppendResult.Appended>(await Append(own, To(Stream($"transaction-{writer}"), alone)));
                Assert.IsType<AppendResult.Appended>(await Append(own, To(Stream("shared"), shared)));
                if (i % 4 == 3)
                    continue;
                await own.Transaction.CommitAsync(Cancel);
                mine.AddRange(Ids(alone.Concat(shared)));
            }

            return mine;
        }, Cancel)));
        return [.. ids.SelectMany(mine => mine)];
    }

    private ITransactionalLogStore Outbox => Assert.IsType<ITransactionalLogStore>(Log, exactMatch: false);

    private ValueTask<AppendResult> Append(Own own, params StreamAppend[] streams) =>
        Outbox.Append(own.Transaction, new AppendRequest(streams), Cancel);

    private async ValueTask<Own> Begin()
    {
        // An application begins when the store is there.
        await Log.Head(Cancel);
        return new Own(await Subject.BeginTransaction());
    }

    /// <summary>A transaction, and its connection, which goes with it.</summary>
    private sealed class Own(DbTransaction transaction) : IAsyncDisposable
    {
        private readonly DbConnection connection = transaction.Connection!;

        public DbTransaction Transaction => transaction;

        public async ValueTask DisposeAsync()
        {
            await transaction.DisposeAsync();
            await connection.DisposeAsync();
        }
    }
}
