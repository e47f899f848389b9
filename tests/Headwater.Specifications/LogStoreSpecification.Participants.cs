using System.Text;

namespace Headwater.Specifications;

/// <summary>Those who take part in an append: inside its transaction, all or nothing.</summary>
public abstract partial class LogStoreSpecification
{
    [Fact]
    public async Task A_participant_sees_the_events_just_appended_and_nobody_else_does_yet()
    {
        await Happen("1");
        var (seen, outside) = (new List<Guid>(), -1);
        var events = Events(2);
        await Join(events, async (transaction, cancel) =>
        {
            seen.AddRange(Ids((await transaction.Read(Query(new LogFilter.OneStream(Stream("2"))), cancel)).Events));
            outside = (await Log.ReadStream(Stream("2"), 0, 10, cancel)).Count;
        });

        Assert.Equal(Ids(events), seen);
        Assert.Equal(0, outside);
        Assert.Equal(Ids(events), Ids(await Log.ReadStream(Stream("2"), 0, 10, Cancel)));
    }

    [Fact]
    public async Task An_exception_of_a_participant_undoes_everything_and_reaches_the_caller()
    {
        await Happen("1");
        var head = await Log.Head(Cancel);
        var events = Events(2);
        var request = new AppendRequest([To(Stream("2"), events)])
        {
            Receipt = new ReceiptRequest("key", "print", Stream("2"), 0, null),
            Participants = [new Participant((_, _) => ValueTask.CompletedTask), new Participant((_, _) => throw new TimeoutException("planted"))],
        };

        var thrown = await Assert.ThrowsAsync<TimeoutException>(async () => await Log.Append(request, Cancel));

        Assert.Equal("planted", thrown.Message);
        Assert.Equal(head.Position, (await Log.Head(Cancel)).Position);
        Assert.Empty(await Log.ReadStream(Stream("2"), 0, 10, Cancel));
        Assert.Null(await Log.FindReceipt("key", Cancel));
        Assert.False((await Appended(To(Stream("2"), events))).AlreadyKnown);
    }

    [Fact]
    public async Task Participants_are_not_asked_about_what_is_not_appended()
    {
        await Happen("1");
        var asked = 0;
        Participant[] participants = [new((_, _) => { asked++; return ValueTask.CompletedTask; })];
        var known = To(Stream("2"), Events(1));
        await Append(known);

        await Log.Append(new AppendRequest([new(Stream("1"), ExpectedVersion.None, Events(1))]) { Participants = participants }, Cancel);
        await Log.Append(new AppendRequest([known]) { Participants = participants }, Cancel);
        await Log.Append(new AppendRequest([]) { Participants = participants, Receipt = new ReceiptRequest("key", "print", Stream("1"), 1, "{}") }, Cancel);

        Assert.Equal(0, asked);
    }

    [Fact]
    public async Task A_participant_writes_rows_and_reads_its_own_in_the_transaction()
    {
        Needs(Capabilities.Inline);
        await Stores.ReadModels.Prepare(new ReadModelSchema("inline", []), null, Cancel);
        string? read = null;
        var appended = await Join(Events(1), async (transaction, cancel) =>
        {
            var rows = Assert.IsType<IReadModelTransaction>(transaction, exactMatch: false);
            var from = (await rows.State("inline", cancel)).Checkpoint;
            Assert.Null(await rows.ReadRow("inline", "k", cancel));
            var page = await rows.Read(Query(LogFilter.Everything, from.Position), cancel);
            Assert.True(await rows.Commit(
                new ProjectionCommit("inline", from, page.Next, [new StoredRow("k", page.Next, "{\"a\":1}"u8.ToArray())]), cancel));
            read = await rows.ReadRow("inline", "k", cancel) is { } row ? Encoding.UTF8.GetString(row.Span) : null;
            Assert.Equal(page.Next, (await rows.State("inline", cancel)).Checkpoint.Position);
            Assert.False(await rows.Commit(new ProjectionCommit("inline", from, page.Next, []), cancel));
        });

        Assert.Equal("{\"a\":1}", read);
        var page = await Stores.ReadModels.ReadRow("inline", "k", Cancel);
        Assert.Equal(appended.Position, Assert.Single(page.Rows).Position);
        Assert.Equal(appended.Position, page.State.Checkpoint.Position);
    }

    [Fact]
    public async Task Rows_of_an_append_that_is_undone_are_undone_with_it()
    {
        Needs(Capabilities.Inline);
        await Stores.ReadModels.Prepare(new ReadModelSchema("inline", []), null, Cancel);

        await Assert.ThrowsAsync<TimeoutException>(async () => await Join(Events(1), async (transaction, cancel) =>
        {
            await ((IReadModelTransaction)transaction).Commit(
                new ProjectionCommit("inline", default, new Position(1), [new StoredRow("k", new Position(1), "{}"u8.ToArray())]), cancel);
            throw new TimeoutException("planted");
        }));

        var page = await Stores.ReadModels.ReadRow("inline", "k", Cancel);
        Assert.Empty(page.Rows);
        Assert.Equal(default, page.State);
    }

    private async ValueTask<AppendResult.Appended> Join(EventData[] events, Func<IAppendTransaction, CancellationToken, ValueTask> join) =>
        Assert.IsType<AppendResult.Appended>(
            await Log.Append(new AppendRequest([To(Stream("2"), events)]) { Participants = [new Participant(join)] }, Cancel));

    private sealed class Participant(Func<IAppendTransaction, CancellationToken, ValueTask> join) : IAppendParticipant
    {
        public string Name => "participant";

        public ValueTask Join(IAppendTransaction transaction, CancellationToken cancel) => join(transaction, cancel);

        public void Committed()
        {
        }
    }
}
