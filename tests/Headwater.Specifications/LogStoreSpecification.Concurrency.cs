namespace Headwater.Specifications;

/// <summary>The promise everything hangs on: whoever has read up to a position never finds a new event at or below it.</summary>
public abstract partial class LogStoreSpecification
{
    private const int Writers = 8;
    private const int AppendsPerWriter = 25;

    [Fact]
    public async Task A_reader_that_follows_concurrent_writers_finds_every_event_once_and_in_order()
    {
        var writing = Write(Log);
        var readers = Enumerable.Range(0, 3).Select(reader => Task.Run(() => Follow(Log, writing, limit: 1 + 7 * reader), Cancel)).ToList();
        var written = await writing;

        foreach (var seen in await Task.WhenAll(readers))
            Check(written, seen);
        Check(written, await ReadAll(LogFilter.Everything, 100));
    }

    [Fact]
    public async Task A_reader_in_another_process_finds_every_event_once_and_in_order()
    {
        Needs(Capabilities.Shared);
        await using var other = await Subject.Open();
        var writing = Task.WhenAll(Write(Log), Write(other.Log));
        var readers = new[] { Log, other.Log }.Select(log => Task.Run(() => Follow(log, writing, limit: 5), Cancel)).ToList();
        var written = (await writing).SelectMany(ids => ids).ToHashSet();

        Assert.Equal(await Log.Head(Cancel), await other.Log.Head(Cancel));
        foreach (var seen in await Task.WhenAll(readers))
            Check(written, seen);
    }

    [Fact]
    public async Task Writers_that_expect_the_same_version_have_one_winner()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
            await Append(new StreamAppend(Stream("1"), ExpectedVersion.None, Events(2))), Cancel)));

        Assert.Single(results.OfType<AppendResult.Appended>());
        Assert.All(results.OfType<AppendResult.Conflict>(), conflict => Assert.Equal(2, conflict.Actual));
        Assert.Equal(15, results.OfType<AppendResult.Conflict>().Count());
    }

    /// <summary>Several writers, each with batches over a stream of its own and one that all share; some conflict, some throw.</summary>
    private static async Task<HashSet<Guid>> Write(ILogStore log)
    {
        var ids = await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            var mine = new List<Guid>();
            for (var i = 0; i < AppendsPerWriter; i++)
            {
                var (own, shared) = (Events(1 + i % 3), Events(1));
                var request = new AppendRequest([To(Stream($"own-{writer}"), own), To(Stream("shared"), shared)]);
                if (i % 5 == 4)
                    request = request with { Streams = [.. request.Streams, new(Stream("shared-guard"), ExpectedVersion.Exactly(99), Events(1))] };
                if (i % 7 == 6)
                {
                    request = request with { Participants = [new Participant((_, _) => throw new TimeoutException("planted"))] };
                    await Assert.ThrowsAsync<TimeoutException>(async () => await log.Append(request, Cancel));
                    continue;
                }

                if (await log.Append(request, Cancel) is AppendResult.Appended)
                    mine.AddRange(Ids(own.Concat(shared)));
            }

            return mine;
        }, Cancel)));
        return [.. ids.SelectMany(mine => mine)];
    }

    /// <summary>Follows the log until the writers are done, and checks at each page that nothing new stands behind it.</summary>
    private static async Task<List<RecordedEvent>> Follow(ILogStore log, Task writing, int limit)
    {
        var seen = new List<RecordedEvent>();
        var at = Position.Start;
        while (true)
        {
            var isLast = writing.IsCompleted;
            var page = await log.Read(Query(LogFilter.Everything, at, limit), Cancel);
            Assert.All(page.Events, happened => Assert.True(happened.Position > at && happened.Position <= page.Next));
            seen.AddRange(page.Events);
            at = page.Next;
            if (isLast && page.Events.Count == 0)
                return seen;
            if (page.Events.Count == 0)
                await Task.Yield();
        }
    }

    private static void Check(HashSet<Guid> written, List<RecordedEvent> seen)
    {
        Assert.Equal(written.Count, seen.Count);
        Assert.True(written.SetEquals(Ids(seen)), "What was acknowledged and what was read are not the same events.");
        Assert.All(seen.Zip(seen.Skip(1)), pair => Assert.True(pair.First.Position < pair.Second.Position));
        foreach (var stream in seen.GroupBy(happened => happened.Stream))
            Assert.Equal(Enumerable.Range(1, stream.Count()).Select(version => (long)version), stream.Select(happened => happened.Version));
    }
}
