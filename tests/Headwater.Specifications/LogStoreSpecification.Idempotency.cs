namespace Headwater.Specifications;

/// <summary>Event ids: the same again is the same, and anything else is an error.</summary>
public abstract partial class LogStoreSpecification
{
    [Fact]
    public async Task The_same_batch_again_returns_the_same_result()
    {
        StreamAppend[] batch = [To(Stream("1"), Events(2)), To(Stream("2"), Events(1))];
        var first = await Appended(batch);
        await Happen("1");

        var again = await Appended(batch);

        Assert.True(again.AlreadyKnown);
        Assert.Equal(first.Position, again.Position);
        Assert.Equal(first.Streams, again.Streams);
        Assert.Equal(4, (await Read()).Events.Count);
    }

    [Fact]
    public async Task The_same_batch_again_is_known_even_if_its_expected_version_no_longer_fits()
    {
        var batch = new StreamAppend(Stream("1"), ExpectedVersion.None, Events(2));
        await Appended(batch);

        Assert.True((await Appended(batch)).AlreadyKnown);
    }

    [Fact]
    public async Task The_same_batch_in_another_order_is_known()
    {
        var (a, b) = (Events(2), Events(1));
        var first = await Appended(To(Stream("1"), a), To(Stream("2"), b));

        var again = await Appended(To(Stream("2"), b), To(Stream("1"), [.. a.Reverse()]));

        Assert.True(again.AlreadyKnown);
        Assert.Equal(first.Position, again.Position);
        Assert.Equal([new StreamVersion(Stream("2"), 1), new StreamVersion(Stream("1"), 2)], again.Streams);
    }

    [Fact]
    public async Task A_retry_with_other_metadata_is_known_because_its_trace_is_its_own()
    {
        var happened = Event(json: "{\"a\":1}");
        await Appended(To(Stream("1"), happened));

        var again = await Appended(To(Stream("1"), happened with { Metadata = new EventMetadata { TraceParent = "00-3-4-01" } }));

        Assert.True(again.AlreadyKnown);
        Assert.Equal(EventMetadata.None, Assert.Single((await Read()).Events).Metadata);
    }

    [Fact]
    public async Task A_batch_that_is_known_in_part_is_refused_and_the_known_event_is_named()
    {
        var known = Event();
        var position = (await Appended(To(Stream("1"), known))).Position;

        var result = await Append(To(Stream("1"), Event(), known), To(Stream("2"), Event()));

        Assert.Equal(new AppendResult.IdReused(known.Id, Stream("1"), position), result);
        Assert.Single((await Read()).Events);
    }

    [Theory]
    [InlineData("data")]
    [InlineData("type")]
    [InlineData("schema")]
    [InlineData("stream")]
    [InlineData("tags")]
    public async Task An_id_with_other_content_is_refused(string difference)
    {
        var known = Event(json: "{\"a\":1}", tags: new Tag("k", "v"));
        var position = (await Appended(To(Stream("1"), known))).Position;

        var other = difference switch
        {
            "data" => known with { Data = "{\"a\":2}"u8.ToArray() },
            "type" => known with { Type = "closed" },
            "schema" => known with { SchemaVersion = 2 },
            "tags" => known with { Tags = [new Tag("k", "w")] },
            _ => known,
        };
        var result = await Append(To(Stream(difference == "stream" ? "2" : "1"), other));

        Assert.Equal(new AppendResult.IdReused(known.Id, Stream("1"), position), result);
        Assert.Single((await Read()).Events);
    }

    [Fact]
    public async Task An_append_that_conflicted_may_bring_its_ids_again()
    {
        await Happen();
        var events = Events(2);
        await Append(new StreamAppend(Stream("1"), ExpectedVersion.None, events));

        Assert.False((await Appended(new StreamAppend(Stream("1"), ExpectedVersion.Exactly(1), events))).AlreadyKnown);
    }

    [Fact]
    public async Task The_same_batch_from_many_tasks_at_once_is_appended_once()
    {
        var batch = To(Stream("1"), Events(3));
        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(async () => await Appended(batch), Cancel)));

        Assert.Single(results, appended => !appended.AlreadyKnown);
        Assert.Single(results.Select(appended => appended.Position).Distinct());
        Assert.Equal(3, (await Read()).Events.Count);
    }
}
