using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using static Headwater.AspNetCore.Tests.Words;

namespace Headwater.AspNetCore.Tests;

/// <summary>What an operator sees of the deliveries.</summary>
public sealed class SightTests : IAsyncLifetime
{
    private OrdersApp app = null!;

    public async ValueTask InitializeAsync() => app = await SignedIn.Start();

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    [Fact]
    public async Task Connections_deliveries_and_bytes_are_counted_by_transport()
    {
        var open = new ConcurrentDictionary<string, double>();
        var deliveries = new ConcurrentDictionary<string, double>();
        var bytes = new ConcurrentDictionary<string, double>();
        using var measuring = Counts("headwater.feed.connections", open);
        using var counting = Counts("headwater.feed.deliveries", deliveries);
        using var weighing = Counts("headwater.feed.bytes", bytes);
        using (var feed = await app.Follow("/feeds/order-events"))
        {
            await CaughtUp(feed);
            Assert.Equal(1, open["sse"]);
            await Append("1");
            await feed.NextEvent();
            await Until(() => deliveries.GetValueOrDefault("sse") == 1);
            Assert.InRange(bytes["sse"], 100, 10_000);
        }

        var page = await app.Client.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/feeds/order-events?after=start") { Headers = { { "Accept", "application/json" } } });
        await Until(() => deliveries.GetValueOrDefault("long-polling") == 1);
        Assert.Equal((double)page.Content.Headers.ContentLength!.Value, bytes["long-polling"]);
        await Until(() => open.Values.All(count => count == 0));

        static Measured Counts(string instrument, ConcurrentDictionary<string, double> into) =>
            Measured.All(instrument, (value, tags) => into.AddOrUpdate((string)tags["headwater.transport"]!, value, (_, sum) => sum + value));
    }

    [Theory]
    [InlineData("/feeds/order-events")]
    [InlineData("/feeds/orders")]
    public async Task The_time_from_commit_to_write_is_measured_of_clients_that_have_caught_up(string path)
    {
        await Append("0");
        var latencies = new ConcurrentQueue<double>();
        using var measuring = Measured.All("headwater.feed.delivery.latency", (value, _) => latencies.Enqueue(value));
        using var feed = await app.Follow($"{path}?after=start");
        await feed.NextEvent();
        await CaughtUp(feed);
        Assert.Empty(latencies);

        await Append("1");
        await feed.NextEvent();
        await Until(() => !latencies.IsEmpty);
        Assert.InRange(Assert.Single(latencies), 0, 20);
    }

    [Fact]
    public async Task A_feeds_lag_is_that_of_its_slowest_connection()
    {
        using var end = new CancellationTokenSource();
        var connections = new FeedConnections(app.Node, end.Token);
        var running = connections.Run();
        for (var i = 0; i < 3; i++)
            await Append($"{i}");
        await Until(() => app.Node.Tail.Position.Value == 3);
        using var slow = await Standing(connections, "start");
        using var quick = await Standing(connections, $"{app.Node.Tail.Epoch}.2");

        var events = new ConcurrentQueue<(double Value, object? Feed)>();
        var seconds = new ConcurrentQueue<(double Value, object? Feed)>();
        using var counting = Measured.All("headwater.feed.lag.events", (value, tags) => events.Enqueue((value, tags["headwater.feed.name"])));
        using var timing = Measured.All("headwater.feed.lag.time", (value, tags) => seconds.Enqueue((value, tags["headwater.feed.name"])));
        counting.Ask();
        timing.Ask();
        Assert.Equal((3, "order-events"), Assert.Single(events));
        Assert.InRange(Assert.Single(seconds).Value, 0.000001, 20);
        await end.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_stalled_client_that_is_let_go_is_counted()
    {
        app.Node.Options.WriteTimeout = TimeSpan.FromMilliseconds(100);
        var drops = new ConcurrentQueue<object?>();
        using var counting = Measured.All("headwater.feed.drops", (_, tags) => drops.Enqueue(tags["headwater.drop.reason"]));
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp) { ReceiveBufferSize = 4 << 10 };
        await socket.ConnectAsync(app.Client.BaseAddress!.Host, app.Client.BaseAddress.Port);
        await socket.SendAsync("GET /feeds/order-events?after=start HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
        for (var i = 0; i < 40; i++)
            await app.Node.Log.Append(new StreamId("order", "1"), ExpectedVersion.Any, Enumerable.Range(0, 50).Select(_ => new OrderEvent.ItemAdded(new string('x', 8000), 1)));
        await Until(() => !drops.IsEmpty);
        Assert.Equal("slow", Assert.Single(drops));
    }

    /// <summary>One span for the event and the feed, whatever the number of connections.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_trace_of_a_command_goes_on_to_the_first_delivery_of_each_feed(bool isRecorded)
    {
        using var source = new ActivitySource("the application's own");
        var stopped = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = each => each.Name is "Headwater" || each == source,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => isRecorded ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.PropagationData,
            ActivityStopped = stopped.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        using var one = await app.Follow("/feeds?feed=order-events&feed=orders");
        using var two = await app.Follow("/feeds/order-events");
        await CaughtUp(one);
        await CaughtUp(two);

        using var command = source.StartActivity("command")!;
        await Append("1");
        await one.NextEvents(2);
        await two.NextEvent();

        // What comes second is counted once the first is.
        await Append("2");
        await one.NextEvents(2);
        await two.NextEvent();
        if (isRecorded)
            await Until(() => Deliveries().Count() == 4);
        Assert.Equal(isRecorded ? ["order-events", "order-events", "orders", "orders"] : Array.Empty<string>(), Deliveries().Select(each => each.GetTagItem("headwater.feed.name") as string).Order());
        Assert.All(Deliveries(), each =>
        {
            Assert.Equal(command.TraceId, each.TraceId);
            Assert.Equal(command.SpanId, each.ParentSpanId);
            Assert.InRange(each.Duration, TimeSpan.Zero, TimeSpan.FromSeconds(20));
        });

        IEnumerable<Activity> Deliveries() => stopped.Where(each => each.OperationName == "deliver");
    }

    [Fact]
    public async Task Connections_are_shown_without_who_they_are()
    {
        using var ann = app.Bearer("ann");
        using var own = await SseStream.Open(ann, "/feeds?feed=own/ann&feed=orders&after=start", null);
        using var other = await app.Follow("/feeds/orders");
        await CaughtUp(own);
        await CaughtUp(other);
        await Append("1");
        await other.NextEvent();

        JsonElement health = default;
        await Until(() => (health = JsonDocument.Parse(app.Client.GetStringAsync("/health/connections").GetAwaiter().GetResult()).RootElement)
            .GetProperty("slowest").EnumerateArray().All(each => each.GetProperty("lagEvents").GetInt64() == 0 && each.GetProperty("deliveries").GetInt64() > 0));
        Assert.Equal(2, health.GetProperty("open").GetInt32());
        Assert.Equal(2, health.GetProperty("transports").GetProperty("sse").GetInt32());
        Assert.Equal(["orders 2", "own 1"], health.GetProperty("feeds").EnumerateArray().Select(each => $"{each.GetProperty("name")} {each.GetProperty("connections")}"));
        Assert.Equal(2, health.GetProperty("slowest").GetArrayLength());
        Assert.DoesNotContain("ann", health.GetRawText(), StringComparison.Ordinal);
    }

    private async Task Append(string order) => await app.Node.Log.Append(new StreamId("order", order.Replace('/', '-')), ExpectedVersion.Any, [new OrderEvent.Opened("zoe")]);

    private async Task<FeedConnection> Standing(FeedConnections connections, string after)
    {
        var connection = app.Endless(connections);
        connection.Follows(await FeedSession.Open(app.Node.Log, [new FeedRequest(app.Node.Feeds["order-events"], null)], [after], 10, CancellationToken.None));
        return connection;
    }

    /// <summary>Two ids come before anything: the one at the beginning and that of a heartbeat, by when the connection has waited.</summary>
    private static async Task CaughtUp(SseStream feed)
    {
        for (var ids = 0; ids < 2;)
            if (await feed.Next() is { Id: not null, Data: null })
                ids++;
    }
}
