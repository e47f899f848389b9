namespace Headwater.Specifications;

/// <summary>What every <see cref="ILogStore"/> keeps: appending.</summary>
public abstract partial class LogStoreSpecification(StoreUnderTest subject) : StoreSpecification(subject)
{
    [Fact]
    public async Task An_empty_log_has_an_epoch_and_stands_at_the_start()
    {
        var head = await Log.Head(Cancel);

        Assert.Matches("^[0-9a-f]{8}$", head.Epoch);
        Assert.Equal(Position.Start, head.Position);
    }

    [Fact]
    public async Task The_head_is_the_position_of_the_last_event_and_the_epoch_stays()
    {
        var before = await Log.Head(Cancel);
        await Happen();
        var last = await Happen();

        Assert.Equal(new LogHead(before.Epoch, last), await Log.Head(Cancel));
    }

    [Fact]
    public async Task An_event_is_read_as_it_was_appended()
    {
        var happened = new EventData(Guid.NewGuid(), "opened", """{"name":"Zoë 🚀 \"quoted\" ' ; --"}"""u8.ToArray())
        {
            SchemaVersion = 3,
            Metadata = new EventMetadata { Causation = "cause", Correlation = "all", TraceParent = "00-1-2-01", Actor = "zoë" },
            Tags = [new Tag("airport", "ATL"), new Tag("quo'te", "v:a=l;ue ü")],
        };
        var stream = new StreamId("order", "a-b 'c\" ü🚀");
        var position = (await Appended(To(stream, happened))).Position;

        var read = Assert.Single((await Read()).Events);

        Assert.Equal(position, read.Position);
        Assert.Equal(stream, read.Stream);
        Assert.Equal(1, read.Version);
        Assert.Equal(happened.Id, read.Id);
        Assert.Equal("opened", read.Type);
        Assert.Equal(3, read.SchemaVersion);
        Assert.Equal(happened.Data.ToArray(), read.Data.ToArray());
        Assert.Equal(happened.Metadata, read.Metadata);
        Assert.Equal(happened.Tags.ToHashSet(), read.Tags.ToHashSet());
    }

    [Fact]
    public async Task An_event_without_metadata_and_tags_has_none_when_it_is_read()
    {
        await Happen();

        var read = Assert.Single((await Read()).Events);
        Assert.Equal(EventMetadata.None, read.Metadata);
        Assert.Empty(read.Tags);
    }

    [Fact]
    public async Task The_recorded_time_is_the_clocks_in_utc_to_the_microsecond()
    {
        Subject.Time.SetUtcNow(new DateTimeOffset(2026, 7, 1, 10, 20, 30, TimeSpan.Zero).AddTicks(1234567));
        await Happen();

        var recorded = Assert.Single((await Read()).Events).RecordedAt;
        Assert.Equal(new DateTimeOffset(2026, 7, 1, 10, 20, 30, TimeSpan.Zero).AddTicks(1234560), recorded);
        Assert.Equal(TimeSpan.Zero, recorded.Offset);
    }

    [Fact]
    public async Task The_data_is_kept_even_if_the_caller_uses_its_buffer_again()
    {
        var buffer = "{\"a\":1}"u8.ToArray();
        await Appended(To(Stream("1"), new EventData(Guid.NewGuid(), "opened", buffer)));
        buffer.AsSpan().Clear();

        Assert.Equal("{\"a\":1}"u8.ToArray(), Assert.Single((await Read()).Events).Data.ToArray());
    }

    [Fact]
    public async Task A_large_event_fits()
    {
        var json = "\"" + new string('x', 1 << 20) + "\"";
        await Appended(To(Stream("1"), Event(json: json)));

        Assert.Equal(json.Length, Assert.Single((await Read()).Events).Data.Length);
    }

    [Fact]
    public async Task Versions_start_at_one_in_each_stream_and_have_no_holes()
    {
        await Appended(To(Stream("1"), Events(2)), To(Stream("2"), Events(1)));
        var appended = await Appended(To(Stream("2"), Events(2)), To(Stream("1"), Events(1)));

        Assert.Equal([new StreamVersion(Stream("2"), 3), new StreamVersion(Stream("1"), 3)], appended.Streams);
        foreach (var key in new[] { "1", "2" })
            Assert.Equal([1, 2, 3], (await Log.ReadStream(Stream(key), 0, 10, Cancel)).Select(happened => happened.Version));
    }

    [Fact]
    public async Task Events_stand_in_the_order_of_the_request_and_the_result_is_the_last_of_them()
    {
        var (first, second) = (Events(3), Events(2));
        var appended = await Appended(To(Stream("1"), first), To(Stream("2"), second));

        var read = (await Read()).Events;
        Assert.Equal(Ids(first.Concat(second)), Ids(read));
        Assert.Equal(read[^1].Position, appended.Position);
        Assert.False(appended.AlreadyKnown);
        Assert.All(read.Zip(read.Skip(1)), pair => Assert.True(pair.First.Position < pair.Second.Position));
        Assert.True(read[0].Position > Position.Start);
    }

    [Theory]
    [InlineData(-1, 0, true)]
    [InlineData(-1, 2, true)]
    [InlineData(0, 0, true)]
    [InlineData(0, 2, false)]
    [InlineData(2, 2, true)]
    [InlineData(1, 2, false)]
    [InlineData(3, 2, false)]
    [InlineData(1, 0, false)]
    public async Task The_expected_version_decides(long expected, int present, bool isAllowed)
    {
        if (present > 0)
            await Appended(To(Stream("1"), Events(present)));

        var result = await Append(new StreamAppend(Stream("1"), new ExpectedVersion(expected), Events(1)));

        if (isAllowed)
            Assert.Equal([new StreamVersion(Stream("1"), present + 1)], Assert.IsType<AppendResult.Appended>(result).Streams);
        else
            Assert.Equal(new AppendResult.Conflict(Stream("1"), new ExpectedVersion(expected), present), result);
        Assert.Equal(present + (isAllowed ? 1 : 0), (await Read()).Events.Count);
    }

    [Fact]
    public async Task A_conflict_in_one_stream_keeps_the_events_out_of_all()
    {
        await Happen("2");
        var head = await Log.Head(Cancel);

        var result = await Append(
            To(Stream("1"), Events(2)), new StreamAppend(Stream("2"), ExpectedVersion.None, Events(1)), To(Stream("3"), Events(1)));

        Assert.Equal(new AppendResult.Conflict(Stream("2"), ExpectedVersion.None, 1), result);
        Assert.Equal(head, await Log.Head(Cancel));
        Assert.Empty(await Log.ReadStream(Stream("1"), 0, 10, Cancel));
        Assert.Empty(await Log.ReadStream(Stream("3"), 0, 10, Cancel));
    }

    [Fact]
    public async Task A_stream_without_events_in_the_request_is_only_checked()
    {
        await Happen("guard");

        Assert.IsType<AppendResult.Conflict>(
            await Append(new StreamAppend(Stream("guard"), ExpectedVersion.Exactly(2), []), To(Stream("1"), Events(1))));
        var appended = await Appended(new StreamAppend(Stream("guard"), ExpectedVersion.Exactly(1), []), To(Stream("1"), Events(1)));

        Assert.Equal([new StreamVersion(Stream("guard"), 1), new StreamVersion(Stream("1"), 1)], appended.Streams);
    }

    [Fact]
    public async Task A_stream_goes_on_after_a_conflict_without_a_hole()
    {
        await Happen();
        await Append(new StreamAppend(Stream("1"), ExpectedVersion.None, Events(3)));
        await Happen();

        Assert.Equal([1, 2], (await Log.ReadStream(Stream("1"), 0, 10, Cancel)).Select(happened => happened.Version));
    }

    [Fact]
    public async Task Streams_with_one_key_in_two_categories_are_two()
    {
        await Appended(To(new StreamId("order", "1"), Events(1)), To(new StreamId("invoice", "1"), Events(2)));

        Assert.Single(await Log.ReadStream(new StreamId("order", "1"), 0, 10, Cancel));
        Assert.Equal(2, (await Log.ReadStream(new StreamId("invoice", "1"), 0, 10, Cancel)).Count);
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_when_the_store_is_opened_again()
    {
        var events = Events(3, new Tag("a", "b"));
        var appended = await Appended(To(Stream("1"), events));
        var head = await Log.Head(Cancel);

        await Reopen();

        Assert.Equal(head, await Log.Head(Cancel));
        Assert.Equal(Ids(events), Ids((await Read(new LogFilter.Tagged(new Tag("a", "b")))).Events));
        Assert.Equal(appended with { AlreadyKnown = true, Streams = [] }, (await Appended(To(Stream("1"), events))) with { Streams = [] });
        Assert.True((await Appended(To(Stream("1"), Events(1)))).Position > appended.Position);
    }
}
