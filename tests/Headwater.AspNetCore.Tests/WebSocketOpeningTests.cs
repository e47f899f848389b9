using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Headwater.AspNetCore.Tests;

/// <summary>How a WebSocket begins and ends.</summary>
public sealed class WebSocketOpeningTests
{
    [Theory]
    [InlineData(null, true)]
    [InlineData("http://{host}", true)]
    [InlineData("https://{host}", true)]
    [InlineData("https://app.example.org", true)]
    [InlineData("https://evil.example.org", false)]
    [InlineData("https://app.example.org.evil.example", false)]
    [InlineData("http://app.example.org", false)]
    [InlineData("null", false)]
    public async Task Pages_of_other_origins_are_refused_unless_they_are_allowed(string? origin, bool isAllowed)
    {
        await using var app = await OrdersApp.Start(headwater => headwater.Configure(options => options.AllowedOrigins.Add("https://app.example.org")));
        var host = app.Client.BaseAddress!.Authority;
        using var response = await app.Client.SendAsync(
            Upgrade("headwater.v1", origin?.Replace("{host}", host, StringComparison.Ordinal)), HttpCompletionOption.ResponseHeadersRead);
        if (isAllowed)
            Assert.Equal(HttpStatusCode.SwitchingProtocols, response.StatusCode);
        else
            await CommandTests.Problem(response, HttpStatusCode.Forbidden, "origin-refused");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("headwater.v2")]
    [InlineData("chat, mqtt")]
    public async Task Another_subprotocol_is_refused(string? protocol)
    {
        await using var app = await OrdersApp.Start();
        await CommandTests.Problem(await app.Client.SendAsync(Upgrade(protocol, null)), HttpStatusCode.BadRequest, "unknown-subprotocol");
    }

    [Fact]
    public async Task A_known_subprotocol_among_others_is_chosen()
    {
        await using var app = await OrdersApp.Start();
        using var response = await app.Client.SendAsync(Upgrade("mqtt, headwater.v1", null), HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("headwater.v1", response.Headers.GetValues("Sec-WebSocket-Protocol").Single());
    }

    [Fact]
    public async Task A_plain_request_is_told_to_upgrade()
    {
        await using var app = await OrdersApp.Start();
        var response = await app.Client.GetAsync("/ws");
        Assert.Equal("websocket", response.Headers.Upgrade.Single().Name);
        await CommandTests.Problem(response, HttpStatusCode.UpgradeRequired, "upgrade-required");
    }

    [Fact]
    public async Task An_application_that_does_not_take_websockets_says_what_is_missing()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddHeadwater(headwater => headwater.UseMemory());
        await using var app = builder.Build();
        app.MapHeadwater();
        await app.StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        var response = await client.SendAsync(Upgrade("headwater.v1", null));
        Assert.Contains("UseWebSockets", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await CommandTests.Problem(response, HttpStatusCode.NotImplemented, "no-websockets");
    }

    [Fact]
    public async Task A_stop_tells_each_cursor_and_the_reason_and_answers_what_was_asked_before()
    {
        var app = await OrdersApp.Start();
        using var socket = await TestSocket.Open(app);
        await socket.Subscribe("a", "order-events", "start");
        await socket.Subscribe("b", "orders", "start");
        var accepted = await socket.Command("/orders/1/open", new Open("ann"));
        await socket.NextEvents(2);
        var stopping = app.DisposeAsync().AsTask();

        var told = new List<(string Method, System.Text.Json.JsonElement Params)>();
        while (await socket.Next() is { } next)
            told.Add(next);
        Assert.Equal("bye", told[^1].Method);
        Assert.Equal("server-stopping", told[^1].Params.GetProperty("reason").GetString());
        Assert.Equal(["cursor", "cursor"], told[^3..^1].Select(each => each.Method));
        Assert.Equal(accepted.GetProperty("cursor").GetString(), socket.Cursors["a"]);
        Assert.Equal((WebSocketCloseStatus.EndpointUnavailable, "server-stopping"), (socket.CloseStatus, socket.CloseReason));
        await stopping.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task A_client_that_says_no_goodbye_does_not_keep_the_server_from_stopping()
    {
        var app = await OrdersApp.Start();
        using var socket = await TestSocket.Open(app);
        await socket.Subscribe("a", "order-events", "start");
        await app.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Sockets_end_over_a_spread_when_the_server_stops_and_go_on_until_then()
    {
        var time = new WatchedTime();
        await using var app = await OrdersApp.Start(headwater =>
        {
            headwater.Services.AddSingleton<TimeProvider>(time);
            headwater.Configure(options => (options.DrainSpread, options.MaxConnectionAge) = (TimeSpan.FromMinutes(7), TimeSpan.Zero));
        });
        using var socket = await TestSocket.Open(app);
        await socket.Subscribe("a", "order-events");
        var lifetime = app.Services.GetRequiredService<Microsoft.Extensions.Hosting.IHostApplicationLifetime>();
        lifetime.StopApplication();
        await socket.Command("/orders/1/open", new Open("ann"));
        Assert.Single(await socket.NextEvents(1));
        await WebSocketTests.Problem(socket.Error("subscribe", new() { ["subscription"] = "b", ["feeds"] = "orders" }), -32000, 503, "unavailable");

        time.Advance(TimeSpan.FromMinutes(7));
        Assert.Equal("bye", (await socket.NextEvent()).Method);
        await socket.ToEnd();
    }

    [Fact]
    public async Task A_socket_ends_at_its_age()
    {
        var time = new WatchedTime();
        await using var app = await OrdersApp.Start(headwater => headwater.Services.AddSingleton<TimeProvider>(time));
        using var socket = await TestSocket.Open(app);
        await socket.Subscribe("a", "order-events");
        time.Advance(TimeSpan.FromHours(1));
        var (method, bye) = await socket.NextEvent();
        Assert.Equal(("bye", "age-reached"), (method, bye.GetProperty("reason").GetString()));
    }

    [Fact]
    public async Task A_client_that_does_not_read_costs_a_cursor_and_is_let_go_after_a_while()
    {
        await using var app = await OrdersApp.Start(headwater => headwater.Configure(options => options.WriteTimeout = TimeSpan.FromMilliseconds(500)));
        var written = 0L;
        using var counting = Measured.All("headwater.feed.deliveries", (count, _) => Interlocked.Add(ref written, (long)count));
        var note = new string('x', 8000);
        for (var i = 0; i < 3000; i += 100)
            await app.Node.Log.Append(new StreamId("order", "1"), ExpectedVersion.Any, Enumerable.Range(0, 100).Select(_ => new OrderEvent.ItemAdded(note, 1)));
        using var stalled = await TestSocket.Open(app);
        await stalled.Subscribe("a", "order-events", "start");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!(await app.Client.GetStringAsync("/health/detail", limit.Token)).Contains("\"feedConnections\": 0", StringComparison.Ordinal))
            await Task.Yield();

        // No more was written than its buffers took, and it goes on from what came of that.
        Assert.InRange(Interlocked.Read(ref written), 0, 2000);
        await Assert.ThrowsAnyAsync<WebSocketException>(stalled.ToEnd);
        var position = long.Parse(stalled.Cursors["a"].Split('.')[1], System.Globalization.CultureInfo.InvariantCulture);
        using var again = await TestSocket.Open(app);
        await again.Subscribe("a", "order-events", stalled.Cursors["a"]);
        Assert.Equal($"{app.Node.Tail.Epoch}.{position + 1}", (await again.NextEvents(1))[0].GetProperty("id").GetString());
    }

    private static HttpRequestMessage Upgrade(string? protocol, string? origin)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/ws");
        request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "websocket");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", Convert.ToBase64String(Encoding.ASCII.GetBytes("sixteen bytes ok")));
        if (protocol is not null)
            request.Headers.TryAddWithoutValidation("Sec-WebSocket-Protocol", protocol);
        if (origin is not null)
            request.Headers.TryAddWithoutValidation("Origin", origin);
        return request;
    }
}
