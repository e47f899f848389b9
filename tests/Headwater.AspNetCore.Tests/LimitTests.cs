using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.AspNetCore.Tests;

public sealed class LimitTests
{
    [Fact]
    public async Task A_user_has_a_limited_number_of_connections_and_another_user_has_others()
    {
        await using var app = await SignedIn.Start(configure: headwater => headwater.Configure(options => options.MaxConnectionsPerUser = 1));
        using var ann = app.Bearer("ann");
        using var bob = app.Bearer("bob");
        var first = await SseStream.Open(ann, "/feeds/signed-in", null);
        var refusals = new List<string?>();
        using (Measured.All("headwater.feed.refusals", (_, tags) => refusals.Add((string?)tags["headwater.limit"])))
            await Refused(await ann.GetAsync("/feeds/signed-in", HttpCompletionOption.ResponseHeadersRead), HttpStatusCode.TooManyRequests, "connections-per-user", 1, 2);
        Assert.Equal(["connections-per-user"], refusals);
        using var bobs = await SseStream.Open(bob, "/feeds/signed-in", null);
        Assert.Equal(HttpStatusCode.OK, bobs.Response.StatusCode);

        // Whoever closes one may have another.
        first.Dispose();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            using var again = await ann.GetAsync("/feeds/signed-in", HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (again.StatusCode == HttpStatusCode.OK)
                break;
        }
    }

    [Fact]
    public async Task Subscriptions_of_a_user_are_limited_over_all_connections()
    {
        await using var app = await SignedIn.Start(configure: headwater => headwater.Configure(options => options.MaxSubscriptionsPerUser = 3));
        using var ann = app.Bearer("ann");
        using var first = await SseStream.Open(ann, "/feeds?feed=signed-in&feed=orders", null);
        await Refused(await ann.GetAsync("/feeds?feed=signed-in&feed=orders", HttpCompletionOption.ResponseHeadersRead), HttpStatusCode.TooManyRequests, "subscriptions-per-user", 3, 4);
        using var second = await SseStream.Open(ann, "/feeds/signed-in", null);
        Assert.Equal(HttpStatusCode.OK, second.Response.StatusCode);
    }

    [Theory]
    [InlineData("10.0.0.1", "10.0.0.1", true)]
    [InlineData("10.0.0.1", "::ffff:10.0.0.1", true)]
    [InlineData("10.0.0.1", "10.0.0.2", false)]
    [InlineData("2001:db8::1", "2001:db8::ffff:2", true)]
    [InlineData("2001:db8::1", "2001:db8:0:1::1", false)]
    public async Task Connections_from_one_address_are_limited_and_an_ipv6_network_is_one(string one, string other, bool isSame)
    {
        await using var app = await From(options => options.MaxConnectionsPerAddress = 1);
        using var first = await Get(app, one);
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        using var second = await Get(app, other);
        if (isSame)
            await Refused(second, HttpStatusCode.TooManyRequests, "connections-per-address", 1, 2);
        else
            Assert.Equal(HttpStatusCode.OK, second.StatusCode);
    }

    [Fact]
    public async Task Subscriptions_from_one_address_are_limited()
    {
        await using var app = await From(options => options.MaxSubscriptionsPerAddress = 1);
        using var first = await Get(app, "10.0.0.1");
        using var second = await Get(app, "10.0.0.1");
        await Refused(second, HttpStatusCode.TooManyRequests, "subscriptions-per-address", 1, 2);
    }

    [Fact]
    public async Task The_process_has_a_limited_number_of_connections()
    {
        await using var app = await OrdersApp.Start(headwater => headwater.Configure(options => options.MaxConnections = 1));
        using var first = await app.Follow("/feeds/orders");
        await Refused(await app.Client.GetAsync("/feeds/orders", HttpCompletionOption.ResponseHeadersRead), HttpStatusCode.ServiceUnavailable, "connections", 1, 2);
    }

    [Fact]
    public async Task A_connection_that_has_had_its_bytes_waits_and_nobody_else_does()
    {
        var time = new WatchedTime();
        await using var app = await OrdersApp.Start(headwater => headwater.Configure(options => options.MaxBytesPerSecond = 10_000).Services.AddSingleton<TimeProvider>(time));
        using var greedy = await app.Follow("/feeds/order-events?after=start");
        await app.Node.Log.Append(new StreamId("order", "1"), ExpectedVersion.Any, [new OrderEvent.ItemAdded(new string('x', 50_000), 1)]);
        await greedy.NextEvent();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!time.Timers.Any(due => due > TimeSpan.FromSeconds(3) && due < TimeSpan.FromSeconds(5)))
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        using var other = await app.Follow($"/feeds/order-events?after={greedy.LastEventId}");
        await app.Node.Log.Append(new StreamId("order", "2"), ExpectedVersion.Any, [new OrderEvent.Opened("ann")]);
        Assert.Equal("order-opened", (await other.NextEvent()).Event);
        var health = JsonDocument.Parse(await app.Client.GetStringAsync("/health/connections")).RootElement;
        Assert.Equal((1, 1), (health.GetProperty("slowest")[0].GetProperty("deliveries").GetInt32(), health.GetProperty("slowest")[0].GetProperty("lagEvents").GetInt32()));

        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("order-opened", (await greedy.NextEvent()).Event);
    }

    private static async Task Refused(HttpResponseMessage response, HttpStatusCode status, string limit, int expected, int actual)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.InRange(response.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 5, 10);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal($"too-many-{limit}", problem.GetProperty("code").GetString());
        Assert.Equal((limit, expected, actual), (problem.GetProperty("limit").GetString(), problem.GetProperty("expected").GetInt32(), problem.GetProperty("actual").GetInt32()));
        Assert.Contains($"{expected} is the limit (Max", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    /// <summary>The address is what a middleware says that it is, as that for forwarded headers does.</summary>
    private static Task<OrdersApp> From(Action<HeadwaterOptions> configure) => OrdersApp.Start(
        headwater => headwater.Configure(configure),
        use: app => app.Use((context, next) =>
        {
            if (context.Request.Headers["From-Address"] is [{ } address])
                context.Connection.RemoteIpAddress = IPAddress.Parse(address);
            return next(context);
        }));

    private static Task<HttpResponseMessage> Get(OrdersApp app, string address) => app.Client.SendAsync(
        new HttpRequestMessage(HttpMethod.Get, "/feeds/orders") { Headers = { { "From-Address", address } } }, HttpCompletionOption.ResponseHeadersRead);
}
