using System.Text;

namespace Headwater.Specifications;

/// <summary>What the suites share: stores opened for each test, and few words to append and read with.</summary>
public abstract class StoreSpecification(StoreUnderTest subject) : IAsyncLifetime
{
    private Stores? stores;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected StoreUnderTest Subject => subject;

    protected Stores Stores => stores ?? throw new InvalidOperationException("The stores are not open.");

    protected ILogStore Log => Stores.Log;

    public async ValueTask InitializeAsync() => stores = await subject.Open();

    public async ValueTask DisposeAsync()
    {
        if (stores is not null)
            await stores.DisposeAsync();
        await subject.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the stores and opens them on the same data.</summary>
    protected async ValueTask Reopen()
    {
        Needs(Capabilities.Durable);
        await Stores.DisposeAsync();
        stores = await subject.Open();
    }

    /// <summary>Skips the test, and says so in the report, if the adapter does not declare the capability.</summary>
    protected void Needs(Capabilities wanted) => Assert.SkipUnless(
        subject.Capabilities.HasFlag(wanted), $"{subject.GetType().Name} does not declare Capabilities.{wanted}.");

    protected static StreamId Stream(string key) => new("order", key);

    protected static EventData Event(string type = "opened", string json = "{}", params Tag[] tags) =>
        new(Guid.NewGuid(), type, Encoding.UTF8.GetBytes(json)) { Tags = tags };

    protected static EventData[] Events(int count, params Tag[] tags) => [.. Enumerable.Range(0, count).Select(_ => Event(tags: tags))];

    protected static StreamAppend To(StreamId stream, params EventData[] events) => new(stream, ExpectedVersion.Any, events);

    protected ValueTask<AppendResult> Append(params StreamAppend[] streams) => Log.Append(new AppendRequest(streams), Cancel);

    protected async ValueTask<AppendResult.Appended> Appended(params StreamAppend[] streams) =>
        Assert.IsType<AppendResult.Appended>(await Append(streams));

    /// <summary>Appends one event and says where it stands.</summary>
    protected async ValueTask<Position> Happen(string key = "1") => (await Appended(To(Stream(key), Event()))).Position;

    protected static LogQuery Query(LogFilter filter, Position after = default, int limit = 1000) => new(filter, after, Position.Max, limit);

    protected ValueTask<LogPage> Read(LogFilter? filter = null, Position after = default, int limit = 1000) =>
        Log.Read(Query(filter ?? LogFilter.Everything, after, limit), Cancel);

    /// <summary>Reads with small pages until a page does not advance, as a follower does.</summary>
    protected async ValueTask<List<RecordedEvent>> ReadAll(LogFilter filter, int limit)
    {
        var all = new List<RecordedEvent>();
        for (var after = Position.Start; ;)
        {
            var page = await Read(filter, after, limit);
            Assert.True(page.Events.Count <= limit, $"A page of at most {limit} events has {page.Events.Count}.");
            if (page.Next == after)
                return all;
            Assert.True(page.Next > after, $"A page goes back from {after} to {page.Next}.");
            all.AddRange(page.Events);
            after = page.Next;
        }
    }

    protected static IEnumerable<Guid> Ids(IEnumerable<RecordedEvent> events) => events.Select(happened => happened.Id);

    protected static IEnumerable<Guid> Ids(IEnumerable<EventData> events) => events.Select(happened => happened.Id);
}
