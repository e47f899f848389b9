using System.Diagnostics;
using System.Text;

namespace Headwater.Tests;

public sealed class LogTests
{
    private static readonly StreamId one = World.Stream("1");

    [Fact]
    public async Task What_is_appended_is_read_as_the_same_events()
    {
        await using var world = await World.Start();
        object[] events = [new OrderEvent.Opened("Zoë 🚀"), new OrderEvent.LineAdded("pen", 2)];
        await world.Append("1", events);

        var page = await world.Log.Read(LogFilter.Everything, Position.Start, cancel: World.Cancel);
        Assert.Equal(events, page.Events.Select(happened => happened.Event));
        Assert.Equal(["opened", "line-added"], page.Events.Select(happened => happened.Type));
        Assert.Equal(events, (await world.Log.ReadStream(one, cancel: World.Cancel)).Select(happened => happened.Event));
    }

    [Fact]
    public async Task Metadata_is_filled_in_by_default()
    {
        await using var world = await World.Start();
        using var activity = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        await world.Append("1", new OrderEvent.Opened("Ada"), new OrderEvent.LineAdded("pen", 1));

        var events = await world.Log.ReadStream(one, cancel: World.Cancel);
        Assert.All(events, happened => Assert.Equal(activity.Id, happened.Metadata.TraceParent));
        Assert.All(events, happened => Assert.Equal(events[0].Id.ToString(), happened.Metadata.Correlation));
        Assert.All(events, happened => Assert.Equal(world.Time.GetUtcNow(), happened.RecordedAt));
        Assert.Equal(2, events.Select(happened => happened.Id).Distinct().Count());
    }

    [Fact]
    public async Task Metadata_that_is_given_is_kept_and_the_cause_correlates()
    {
        await using var world = await World.Start();
        var given = new EventMetadata { Causation = "cause", Actor = "ada", TraceParent = "00-a-b-00" };
        await world.Log.Append(one, ExpectedVersion.None, [new OrderEvent.Opened("Ada")], given, World.Cancel);

        var happened = Assert.Single(await world.Log.ReadStream(one, cancel: World.Cancel));
        Assert.Equal(given with { Correlation = "cause" }, happened.Metadata);
    }

    [Fact]
    public async Task Several_streams_are_appended_together_and_again_without_effect()
    {
        await using var world = await World.Start();
        StreamAppend[] streams =
        [
            world.Log.Prepare(one, ExpectedVersion.None, [new OrderEvent.Opened("Ada")]),
            world.Log.Prepare(World.Stream("2"), ExpectedVersion.None, [new OrderEvent.Opened("Bob")]),
        ];

        var first = Assert.IsType<AppendResult.Appended>(await world.Log.Append(streams, World.Cancel));
        var again = Assert.IsType<AppendResult.Appended>(await world.Log.Append(streams, World.Cancel));
        Assert.Equal((first.Position, false, true), (again.Position, first.AlreadyKnown, again.AlreadyKnown));
    }

    [Fact]
    public async Task A_union_keeps_to_the_limit_and_misses_nothing_page_by_page()
    {
        await using var world = await World.Start();
        for (var i = 0; i < 20; i++)
            await world.Open($"{i % 4}");
        var union = new LogFilter.AnyOf([new LogFilter.OneStream(World.Stream("0")), new LogFilter.OneStream(World.Stream("2")),
            new LogFilter.AnyOf([new LogFilter.OneStream(World.Stream("2"))])]);

        var seen = new List<RecordedEvent>();
        for (var after = Position.Start; after.Value < 20;)
        {
            var page = await world.Log.Read(union, after, limit: 3, cancel: World.Cancel);
            Assert.True(page.Events.Count <= 3);
            Assert.True(page.Next > after);
            seen.AddRange(page.Events);
            after = page.Next;
        }

        Assert.Equal(Enumerable.Range(1, 20).Where(at => at % 2 == 1), seen.Select(happened => (int)happened.Position.Value));
        Assert.Contains("at least one", Assert.Throws<ArgumentException>(() => new LogFilter.AnyOf([])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_append_that_breaks_a_limit_is_refused_with_the_event_and_the_limit()
    {
        await using var world = await World.Start(headwater => headwater.Configure(options => (options.MaxEventBytes, options.MaxCommandBytes) = (1024, 1024)));
        var happened = new EventData(Guid.NewGuid(), "opened", "{}"u8.ToArray());

        await Refused("1,024 are allowed", new StreamAppend(one, ExpectedVersion.Any, [happened with { Data = new byte[1025] }]));
        await Refused("its type name has 0", new StreamAppend(one, ExpectedVersion.Any, [happened with { Type = "" }]));
        await Refused("its type name has 129", new StreamAppend(one, ExpectedVersion.Any, [happened with { Type = new('t', 129) }]));
        await Refused("it has 17 tags", new StreamAppend(one, ExpectedVersion.Any, [happened with { Tags = [.. Enumerable.Repeat(new Tag("a", "b"), 17)] }]));
        await Refused("the tag 'k'", new StreamAppend(one, ExpectedVersion.Any, [happened with { Tags = [new Tag("k", new('v', 257))] }]));
        await Refused("id stands twice", new StreamAppend(one, ExpectedVersion.Any, [happened, happened]));
        await Refused("stands twice in one append", new(one, ExpectedVersion.Any, [happened]), new(one, ExpectedVersion.Any, []));
        await Refused("at most 1000", new StreamAppend(one, ExpectedVersion.Any, [.. Enumerable.Range(0, 1001).Select(_ => happened with { Id = Guid.NewGuid() })]));
        await Refused("at least one event", new StreamAppend(one, ExpectedVersion.Any, []));
        Assert.Equal(Position.Start, (await world.Log.Head(World.Cancel)).Position);

        async Task Refused(string why, params StreamAppend[] streams) => Assert.Contains(why,
            (await Assert.ThrowsAsync<ArgumentException>(async () => await world.Log.Append(streams, World.Cancel))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_type_that_is_not_registered_is_refused()
    {
        await using var world = await World.Start();

        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => world.Append("1", "a string"));
        Assert.Contains("System.String is not registered", thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("strange", 1, "{}", "no event type is registered under this name")]
    [InlineData("opened", 7, "{}", "schema version 1")]
    [InlineData("opened", 1, "[1]", "does not fit")]
    [InlineData("opened", 1, "{", "does not fit")]
    [InlineData("opened", 1, "null", "its data is null")]
    [InlineData("opened", 1, "{\"customer\":\"\"}", "does not fit Headwater.Tests.OrderEvent+Opened: A customer has a name")]
    public async Task An_unreadable_event_is_an_error_that_names_stream_position_and_type(string type, int schema, string json, string why)
    {
        await using var world = await World.Start();
        await world.Open("0");
        await world.Log.Append([new StreamAppend(one, ExpectedVersion.Any,
            [new EventData(Guid.NewGuid(), type, Encoding.UTF8.GetBytes(json)) { SchemaVersion = schema }])], World.Cancel);

        var thrown = await Assert.ThrowsAsync<UnreadableEventException>(async () => await world.Orders.Load("1", cancel: World.Cancel));

        Assert.Equal((one, new Position(2), type), (thrown.Stream, thrown.Position, thrown.Type));
        foreach (var part in new[] { "'order-1'", "position 2", $"'{type}'", why })
            Assert.Contains(part, thrown.Message, StringComparison.Ordinal);
    }

    /// <summary>An event comes between the pages of a union: who reads on behind the later page would miss it.</summary>
    [Fact]
    public async Task A_union_reaches_only_as_far_as_the_page_that_got_least_far()
    {
        WatchedLog? watched = null;
        await using var world = await World.Start(adapters: store => new Adapters(watched = new WatchedLog(store)));
        await world.Open("1");
        var isPlanted = false;
        watched!.AfterRead = async (query, page) =>
        {
            if (query.Filter == new LogFilter.OneStream(one) && !isPlanted)
            {
                isPlanted = true;
                await world.Open("1");
            }

            return page;
        };
        var union = new LogFilter.AnyOf([new LogFilter.OneStream(one), new LogFilter.OneStream(World.Stream("2"))]);

        var first = await world.Log.Read(union, Position.Start, cancel: World.Cancel);
        var second = await world.Log.Read(union, first.Next, cancel: World.Cancel);
        Assert.Equal([1, 2], first.Events.Concat(second.Events).Select(happened => (int)happened.Position.Value));
    }

    [Fact]
    public async Task An_event_read_past_the_log_says_how_to_read_it()
    {
        await using var world = await World.Start();
        await world.Open("1");
        var raw = (await world.Store.ReadStream(one, 0, 1, World.Cancel))[0];

        Assert.Contains("read it through Log", Assert.Throws<InvalidOperationException>(() => raw.Event).Message, StringComparison.Ordinal);
    }
}
