using Microsoft.Extensions.DependencyInjection;

namespace Headwater.Tests;

public sealed class ProjectionTests
{
    private readonly OrderRows orders = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Its_rows_follow_the_events(bool isInline)
    {
        await using var world = await Start(isInline);
        await world.Open("1", "Ada");
        await world.Open("2", "Bob");
        await world.AddLine("1", 3);
        await world.AddLine("1", 4);
        await world.Append("2", new OrderEvent.Removed());
        await world.Settle();

        Assert.Equal([("1", """{"customer":"Ada","quantity":7}""")], await Rows(world));
        var page = await world.Store.ReadRow("orders", "1", World.Cancel);
        Assert.Equal((new Position(4), new Position(5)), (page.Rows[0].Position, page.State.Checkpoint.Position));
    }

    [Fact]
    public async Task Inline_rows_are_there_when_the_append_returns()
    {
        await using var world = await Start(isInline: true);
        for (var i = 1; i <= 20; i++)
        {
            await world.AddLine("none");
            await world.Open($"{i}");
            Assert.Equal(i, (await Rows(world)).Count);
            Assert.Equal(SubscriptionState.Live, (await world.Status("orders")).State);
        }
    }

    [Fact]
    public async Task Inline_rows_are_right_with_many_appends_at_once()
    {
        await using var world = await Start(isInline: true);
        await world.Open("1");
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => world.AddLine("1"), World.Cancel)));

        Assert.Equal([("1", """{"customer":"Ada","quantity":50}""")], await Rows(world));
    }

    [Fact]
    public async Task An_inline_projection_that_throws_undoes_the_append_and_names_the_event()
    {
        orders.Before = happened => happened.Event is OrderEvent.Removed ? throw new TimeoutException("planted") : ValueTask.CompletedTask;
        await using var world = await Start(isInline: true);
        await world.Open("1");

        var thrown = await Assert.ThrowsAnyAsync<Exception>(() => world.Append("1", new OrderEvent.LineAdded("pen", 1), new OrderEvent.Removed()));

        Assert.Contains("position 3", thrown.Message, StringComparison.Ordinal);
        Assert.Equal(new Position(1), (await world.Log.Head(World.Cancel)).Position);
        Assert.Equal([("1", """{"customer":"Ada","quantity":0}""")], await Rows(world));
    }

    [Fact]
    public async Task An_inline_projection_catches_up_with_what_another_process_appended_without_it()
    {
        await using var without = await World.Start();
        for (var i = 0; i < 7; i++)
            await without.Open($"{i}");
        await using var with = await without.StartAnother(Declare(isInline: true, options => options.PageSize = 2));
        Assert.Equal(7, (await Rows(with)).Count);

        for (var i = 7; i < 12; i++)
            await without.Open($"{i}");
        await with.Open("12");
        Assert.Equal(13, (await Rows(with)).Count);
    }

    /// <summary>Another process began it and died over it; this one's loop is idle, and nothing will wake it but its own look.</summary>
    [Fact]
    public async Task A_rebuild_that_another_process_began_is_done()
    {
        await using var world = await Start(isInline: false);
        await world.Open("1");
        await world.Settle();
        await world.Store.Reset("orders", null, World.Cancel);

        await world.Until(async () => (await Rows(world)).Count == 1, tick: TimeSpan.FromMilliseconds(100));
    }

    [Fact]
    public async Task An_inline_projection_may_read_a_union_of_filters()
    {
        await using var world = await World.Start(headwater =>
        {
            headwater.Services.AddSingleton(orders);
            headwater.AddProjection<OrderRows, OrderRow>("orders", projection => projection.Inline().Reads(new LogFilter.AnyOf(
                [new LogFilter.OneStream(World.Stream("1")), new LogFilter.OneStream(World.Stream("3"))])));
        }, store => new Adapters(new NoUnions(store)));
        foreach (var key in new[] { "1", "2", "3" })
            await world.Open(key);

        Assert.Equal(["1", "3"], (await Rows(world)).Select(row => row.Key));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task It_is_built_again_from_the_first_event(bool isInline)
    {
        await using var world = await Start(isInline);
        for (var i = 0; i < 10; i++)
            await world.Open($"{i}");
        await world.Settle();
        orders.Before = happened => happened.Stream.Key == "3" ? throw new TimeoutException("planted") : ValueTask.CompletedTask;
        if (isInline)
            await Assert.ThrowsAnyAsync<Exception>(async () => await world.Node.Rebuild("orders", World.Cancel));
        else
            await world.Node.Rebuild("orders", World.Cancel);
        await world.Until(async () => (await Rows(world)).Count == 3);

        orders.Before = _ => ValueTask.CompletedTask;
        await world.Node.Rebuild("orders", World.Cancel);
        await world.Settle();

        Assert.Equal(10, (await Rows(world)).Count);
        Assert.Equal(2, (await world.Store.State("orders", World.Cancel)).Checkpoint.Generation);
        Assert.Equal(2, (await world.Status("orders")).Generation);
        var unknown = await Assert.ThrowsAsync<ArgumentException>(async () => await world.Node.Rebuild("nobody", World.Cancel));
        Assert.Contains("orders", unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rebuilding_while_events_are_appended_ends_with_the_same_rows()
    {
        await using var world = await Start(isInline: false);
        var appending = Task.Run(async () =>
        {
            for (var i = 0; i < 60; i++)
                await world.Open($"{i % 20}");
        }, World.Cancel);
        for (var i = 0; i < 5; i++)
        {
            await world.Node.Rebuild("orders", World.Cancel);
            await Task.Yield();
        }

        await appending;
        await world.Settle();
        Assert.Equal(20, (await Rows(world)).Count);
    }

    [Fact]
    public async Task Where_it_throws_what_came_before_is_saved_and_it_stands_right_there()
    {
        orders.Before = happened => happened.Position.Value == 4 ? throw new TimeoutException("planted") : ValueTask.CompletedTask;
        await using var world = World.Create(Declare(isInline: false));
        for (var i = 1; i <= 6; i++)
            await world.Open($"{i}");
        await world.Node.Start(World.Cancel);
        await world.Until(async () => (await world.Status("orders")).State is SubscriptionState.Stopped);

        Assert.Equal(["1", "2", "3"], (await Rows(world)).Select(row => row.Key));
        Assert.Equal(new Position(3), (await world.Status("orders")).Position);
        Assert.Contains("position 4", (await world.Status("orders")).Failure, StringComparison.Ordinal);
        Assert.Equal(new Position(3), (await world.Store.State("orders", World.Cancel)).Checkpoint.Position);
    }

    [Fact]
    public async Task A_skipped_event_is_recorded_and_only_it_is_missing()
    {
        orders.Before = happened => happened.Position.Value is 2 or 5 ? throw new TimeoutException("planted") : ValueTask.CompletedTask;
        await using var world = World.Create(Declare(isInline: false, onError: ErrorPolicy.Skip));
        for (var i = 1; i <= 6; i++)
            await world.Open($"{i}");
        await world.Node.Start(World.Cancel);
        await world.Settle();

        Assert.Equal(["1", "3", "4", "6"], (await Rows(world)).Select(row => row.Key));
        Assert.Equal([5, 2], (await world.Node.Skipped("orders", 10, World.Cancel)).Select(each => each.Position.Value));
    }

    [Theory]
    [InlineData(ErrorPolicy.Stop)]
    [InlineData(ErrorPolicy.Skip)]
    public async Task A_row_that_cannot_be_written_is_blamed_on_the_event_that_made_it(ErrorPolicy onError)
    {
        await using var world = await World.Start(headwater => headwater
            .AddProjection<MeanRows, MeanRow>("means", projection => projection.OnError(onError)));
        await world.Append("1", new OrderEvent.LineAdded("pen", 4), new OrderEvent.LineAdded("pen", 2));
        await world.Append("2", new OrderEvent.LineAdded("pen", 0), new OrderEvent.LineAdded("pen", 0));
        await world.Append("3", new OrderEvent.LineAdded("pen", 8));
        if (onError is ErrorPolicy.Skip)
        {
            await world.Settle();
            Assert.Equal([4, 3], (await world.Node.Skipped("means", 10, World.Cancel)).Select(each => each.Position.Value));
            Assert.Equal(["""{"mean":0.5}""", """{"mean":0.125}"""], await Means());
            return;
        }

        await world.Until(async () => (await world.Status("means")).State is SubscriptionState.Stopped);
        Assert.Contains("position 3", (await world.Status("means")).Failure, StringComparison.Ordinal);
        Assert.Equal(["""{"mean":0.5}"""], await Means());

        async Task<IEnumerable<string>> Means() => (await world.Store.FindRows("means", [], null, 10, World.Cancel)).Rows
            .Select(row => System.Text.Encoding.UTF8.GetString(row.Data!.Value.Span));
    }

    /// <summary>A rebuild between the failure and its skip: nothing but the one event may be passed over.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    public async Task A_skip_passes_over_nothing_that_a_rebuild_has_yet_to_do(int pageSize)
    {
        await using var world = World.Create(Declare(isInline: false, options => options.PageSize = pageSize, ErrorPolicy.Skip));
        for (var i = 1; i <= 6; i++)
            await world.Open($"{i}");
        var isPlanted = false;
        orders.Before = async happened =>
        {
            if (happened.Position.Value != 5)
                return;
            if (!isPlanted)
            {
                isPlanted = true;
                await world.Store.Reset("orders", null, World.Cancel);
            }

            throw new TimeoutException("planted");
        };

        await world.Node.Start(World.Cancel);
        await world.Settle();

        Assert.Equal(["1", "2", "3", "4", "6"], (await Rows(world)).Select(row => row.Key));
        Assert.Equal([5], (await world.Node.Skipped("orders", 10, World.Cancel)).Select(each => each.Position.Value));
    }

    /// <summary>A store that lets two appends move an inline projection at once must not keep one of them without its rows.</summary>
    [Fact]
    public async Task An_append_whose_inline_rows_are_refused_is_undone()
    {
        await using var world = await World.Start(
            Declare(isInline: true), store => new Adapters(new NoUnions(store) { Refuses = commit => commit.To.Value == 2 }));
        await world.Open("1");

        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => world.Open("2"));

        Assert.Contains("'orders' was moved from position 1", thrown.Message, StringComparison.Ordinal);
        Assert.Equal(new Position(1), (await world.Log.Head(World.Cancel)).Position);
    }

    /// <summary>The answer to the first append was lost, and with it the word that it is committed.</summary>
    [Fact]
    public async Task An_append_that_is_known_tells_its_inline_projections_too()
    {
        await using var world = await Start(isInline: true);
        var append = world.Log.Prepare(World.Stream("1"), ExpectedVersion.Any, [new OrderEvent.Opened("Ada")]);
        await world.Log.Append([append], World.Cancel);
        var changed = world.Node.Projections.Single().Changed.Next;

        Assert.True(Assert.IsType<AppendResult.Appended>(await world.Log.Append([append], World.Cancel)).AlreadyKnown);

        Assert.True(changed.IsCompleted);
    }

    private Task<World> Start(bool isInline) => World.Start(Declare(isInline));

    private Action<HeadwaterBuilder> Declare(
        bool isInline, Action<HeadwaterOptions>? configure = null, ErrorPolicy onError = ErrorPolicy.Stop) => headwater =>
    {
        headwater.Services.AddSingleton(orders);
        headwater.Configure(configure ?? (_ => { })).AddProjection<OrderRows, OrderRow>("orders", projection =>
        {
            projection.KeyedByStream("order").OnError(onError);
            if (isInline)
                projection.Inline();
        }).AddFeed("orders", feed => feed.Rows("orders", "order").AllowAnonymous());
    };

    private static async Task<List<(string Key, string Json)>> Rows(World world) =>
    [
        .. (await world.Store.FindRows("orders", [], null, 1000, World.Cancel)).Rows
            .Select(row => (row.Key, System.Text.Encoding.UTF8.GetString(row.Data!.Value.Span))),
    ];

    /// <summary>Holds the core to its word that a store is never asked for a union.</summary>
    private sealed class NoUnions(ILogStore store) : ILogStore
    {
        /// <summary>Which inline commits do not find their checkpoint where it was.</summary>
        public Func<ProjectionCommit, bool> Refuses { get; init; } = _ => false;

        public bool CommitsInOrder => store.CommitsInOrder;

        public ValueTask<LogHead> Head(CancellationToken cancel) => store.Head(cancel);

        public ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel) => store.Append(
            request with { Participants = [.. request.Participants.Select(each => new Participant(each, Refuses))] }, cancel);

        public ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel) => store.Read(Checked(query), cancel);

        public ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(StreamId stream, long afterVersion, int limit, CancellationToken cancel) =>
            store.ReadStream(stream, afterVersion, limit, cancel);

        public ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel) => store.FindReceipt(key, cancel);

        private static LogQuery Checked(LogQuery query) =>
            query.Filter is LogFilter.AnyOf ? throw new NotSupportedException("A store is never asked for a union.") : query;

        private sealed class Participant(IAppendParticipant inner, Func<ProjectionCommit, bool> refuses) : IAppendParticipant
        {
            public string Name => inner.Name;

            public ValueTask Join(IAppendTransaction transaction, CancellationToken cancel) =>
                inner.Join(new Transaction((IReadModelTransaction)transaction, refuses), cancel);

            public void Committed() => inner.Committed();
        }

        private sealed class Transaction(IReadModelTransaction inner, Func<ProjectionCommit, bool> refuses) : IReadModelTransaction
        {
            public System.Data.Common.DbTransaction? Database => inner.Database;

            public ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel) => inner.Read(Checked(query), cancel);

            public ValueTask<ReadModelState> State(string model, CancellationToken cancel) => inner.State(model, cancel);

            public ValueTask<ReadOnlyMemory<byte>?> ReadRow(string model, string key, CancellationToken cancel) => inner.ReadRow(model, key, cancel);

            public ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel) =>
                refuses(commit) ? ValueTask.FromResult(false) : inner.Commit(commit, cancel);
        }
    }
}
