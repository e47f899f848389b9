using CsCheck;

namespace Headwater.Specifications;

/// <summary>Reading: filters, limits and bounds, and that a page always says how far it has come.</summary>
public abstract partial class LogStoreSpecification
{
    [Fact]
    public async Task An_empty_log_has_an_empty_page_that_stays_where_it_is()
    {
        foreach (var filter in new[] { LogFilter.Everything, new LogFilter.Category("order"), new LogFilter.Tagged(new Tag("a", "b")) })
        {
            var page = await Read(filter);
            Assert.Empty(page.Events);
            Assert.Equal(Position.Start, page.Next);
        }

        Assert.Empty(await Log.ReadStream(Stream("1"), 0, 10, Cancel));
    }

    [Fact]
    public async Task A_page_begins_above_the_position_and_ends_at_the_limit()
    {
        var events = Events(5);
        await Appended(To(Stream("1"), events));
        var first = await Read(limit: 2);
        var second = await Read(after: first.Next, limit: 2);
        var third = await Read(after: second.Next, limit: 2);

        Assert.Equal(Ids(events[..2]), Ids(first.Events));
        Assert.Equal(first.Events[^1].Position, first.Next);
        Assert.Equal(Ids(events[2..4]), Ids(second.Events));
        Assert.Equal(Ids(events[4..]), Ids(third.Events));
        Assert.Equal((await Log.Head(Cancel)).Position, third.Next);
    }

    [Fact]
    public async Task A_page_ends_at_the_upper_bound_and_goes_on_to_it()
    {
        await Appended(To(Stream("1"), Events(5)));
        var third = (await Read()).Events[2].Position;

        var page = await Log.Read(new LogQuery(LogFilter.Everything, Position.Start, third, 100), Cancel);
        Assert.Equal(3, page.Events.Count);
        Assert.Equal(third, page.Next);

        var nothing = await Log.Read(new LogQuery(LogFilter.Everything, third, third, 100), Cancel);
        Assert.Empty(nothing.Events);
        Assert.Equal(third, nothing.Next);
    }

    [Fact]
    public async Task A_page_never_promises_more_than_the_log_has()
    {
        var head = await Happen();

        Assert.Equal(head, (await Log.Read(new LogQuery(LogFilter.Everything, Position.Start, new Position(head.Value + 100), 10), Cancel)).Next);
        Assert.Equal(head, (await Read(new LogFilter.Category("nothing"))).Next);
        Assert.Equal(head, (await Read(new LogFilter.OneStream(Stream("none")))).Next);
        Assert.Equal(head, (await Read(new LogFilter.Tagged(new Tag("no", "tag")))).Next);
    }

    [Fact]
    public async Task A_reader_beyond_the_end_finds_nothing_and_stays()
    {
        var beyond = new Position((await Happen()).Value + 10);

        var page = await Read(after: beyond);
        Assert.Empty(page.Events);
        Assert.Equal(beyond, page.Next);
    }

    [Fact]
    public async Task A_filtered_page_that_is_not_full_goes_on_to_the_end()
    {
        await Appended(To(new StreamId("invoice", "1"), Events(1)));
        var end = (await Appended(To(Stream("1"), Events(3)))).Position;

        var page = await Read(new LogFilter.Category("invoice"));
        Assert.Single(page.Events);
        Assert.Equal(end, page.Next);
    }

    [Fact]
    public async Task A_category_is_read_in_full_and_no_other_that_begins_alike()
    {
        var wanted = Events(2);
        await Appended(
            To(new StreamId("order", "1"), wanted[0]), To(new StreamId("orders", "1"), Events(1)),
            To(new StreamId("order_line", "1"), Events(1)), To(new StreamId("order", "2"), wanted[1]));

        Assert.Equal(Ids(wanted), Ids((await Read(new LogFilter.Category("order"))).Events));
    }

    [Fact]
    public async Task One_stream_is_read_in_log_order_and_no_other_that_is_named_alike()
    {
        var wanted = Events(2);
        await Appended(To(Stream("a"), wanted[0]), To(Stream("A"), Events(1)), To(Stream("a "), Events(1)), To(Stream("a%"), Events(1)));
        await Appended(To(Stream("a"), wanted[1]));

        Assert.Equal(Ids(wanted), Ids((await Read(new LogFilter.OneStream(Stream("a")))).Events));
        Assert.Equal(Ids(wanted), Ids(await Log.ReadStream(Stream("a"), 0, 10, Cancel)));
    }

    [Fact]
    public async Task A_tag_is_found_by_key_and_value_together()
    {
        var both = Event(tags: [new Tag("from", "ATL"), new Tag("to", "JFK")]);
        var other = Event(tags: [new Tag("from", "JFK"), new Tag("to", "ATL")]);
        var lower = Event(tags: [new Tag("from", "atl")]);
        var many = Event(tags: [new Tag("from", "ATL"), new Tag("from", "ORD")]);
        await Appended(To(Stream("1"), both, other, lower, many, Event()));

        Assert.Equal(Ids([both, many]), Ids((await Read(new LogFilter.Tagged(new Tag("from", "ATL")))).Events));
        Assert.Equal(Ids([other]), Ids((await Read(new LogFilter.Tagged(new Tag("to", "ATL")))).Events));
        Assert.Equal(Ids([many]), Ids((await Read(new LogFilter.Tagged(new Tag("from", "ORD")))).Events));
        Assert.Empty((await Read(new LogFilter.Tagged(new Tag("fromA", "TL")))).Events);
    }

    [Fact]
    public async Task A_tagged_event_is_read_with_all_its_tags()
    {
        Tag[] tags = [new("a", "1"), new("b", "2"), new("c", "3")];
        await Appended(To(Stream("1"), Event(tags: tags)));

        Assert.Equal(tags.ToHashSet(), Assert.Single((await Read(new LogFilter.Tagged(tags[1]))).Events).Tags.ToHashSet());
        Assert.Equal(tags.ToHashSet(), Assert.Single(await Log.ReadStream(Stream("1"), 0, 1, Cancel)).Tags.ToHashSet());
    }

    [Fact]
    public async Task An_event_that_is_given_a_tag_twice_is_found_once()
    {
        var twice = Event(tags: [new Tag("airport", "ATL"), new Tag("airport", "ATL")]);
        await Appended(To(Stream("1"), twice));

        Assert.Equal([twice.Id], Ids((await Read(new LogFilter.Tagged(new Tag("airport", "ATL")))).Events));
        Assert.True((await Appended(To(Stream("1"), twice))).AlreadyKnown);
    }

    [Fact]
    public async Task A_stream_is_read_above_a_version_up_to_a_limit()
    {
        var events = Events(5);
        await Appended(To(Stream("1"), events));

        Assert.Equal(Ids(events[2..4]), Ids(await Log.ReadStream(Stream("1"), 2, 2, Cancel)));
        Assert.Empty(await Log.ReadStream(Stream("1"), 5, 2, Cancel));
        Assert.Empty(await Log.ReadStream(Stream("1"), 99, 2, Cancel));
        Assert.Empty(await Log.ReadStream(Stream("1"), long.MaxValue, 2, Cancel));
    }

    /// <summary>Whatever was appended, and however small the pages: paging finds exactly what the filter wants, in order.</summary>
    [Fact]
    public async Task Paging_with_any_filter_finds_exactly_what_the_filter_wants()
    {
        string[] categories = ["order", "invoice"];
        var genEvent = Gen.Select(Gen.Int[0, 1], Gen.Int[1, 3], Gen.Int[0, 2], (category, key, tag) =>
            (Stream: new StreamId(categories[category], $"{key}"), Happened: Event(tags: tag == 0 ? [] : [new Tag("t", $"{tag}")])));
        LogFilter[] filters =
        [
            LogFilter.Everything, new LogFilter.Category("order"), new LogFilter.OneStream(new StreamId("invoice", "2")),
            new LogFilter.Tagged(new Tag("t", "2")),
        ];

        // One log that grows with every example: a fresh store for each would cost a database each.
        await Gen.Select(genEvent.Array[0, 12], Gen.Int[1, 5]).SampleAsync(async (batch, limit) =>
        {
            foreach (var (stream, happened) in batch)
                await Appended(To(stream, happened));
            var all = await ReadAll(LogFilter.Everything, 1000);
            foreach (var filter in filters)
                Assert.Equal(Ids(all.Where(filter.Matches)), Ids(await ReadAll(filter, limit)));
        }, iter: 12, threads: 1);
    }
}
