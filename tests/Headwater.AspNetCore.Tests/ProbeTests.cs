using System.Net;
using System.Text.Json;

namespace Headwater.AspNetCore.Tests;

public sealed class ProbeTests : IAsyncLifetime
{
    private OrdersApp app = null!;

    public async ValueTask InitializeAsync() => app = await OrdersApp.Start();

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    [Fact]
    public async Task The_probe_sends_its_marks_as_a_feed_would_and_says_when()
    {
        using var feed = await app.Follow("/feeds/order-events");
        using var probe = await app.Follow("/feeds/_probe?marks=3&every=50");
        Assert.Equal(feed.Response.Content.Headers.ContentType, probe.Response.Content.Headers.ContentType);
        Assert.Equal(feed.Response.Content.Headers.ContentEncoding, probe.Response.Content.Headers.ContentEncoding);
        Assert.Equal(feed.Response.Headers.CacheControl, probe.Response.Headers.CacheControl);
        Assert.Equal(feed.Response.Headers.GetValues("X-Accel-Buffering"), probe.Response.Headers.GetValues("X-Accel-Buffering"));

        var blocks = await probe.NextEvents(5);
        Assert.Equal(["request", "mark", "mark", "mark", "end"], blocks.Select(block => block.Event));
        Assert.Null(await probe.Next());
        var sent = blocks[1..4].ConvertAll(block => JsonDocument.Parse(block.Data!).RootElement);
        Assert.Equal([1, 2, 3], sent.Select(mark => mark.GetProperty("number").GetInt32()));
        var times = sent.ConvertAll(mark => mark.GetProperty("sentAfter").GetDouble());
        Assert.InRange(times[1] - times[0], 49, 10_000);
        Assert.InRange(times[2] - times[1], 49, 10_000);
        Assert.All(sent, mark => Assert.InRange(DateTimeOffset.UtcNow - mark.GetProperty("sentAt").GetDateTimeOffset(), TimeSpan.Zero, TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public async Task The_probe_tells_how_it_was_asked()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/feeds/_probe")
        {
            Headers = { { "Accept-Encoding", "br" }, { "Via", "1.1 somewhere" }, { "X-Forwarded-For", "10.0.0.1" } },
        };
        using var response = await app.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.Equal("event: request", await reader.ReadLineAsync());
        Assert.Equal(
            """data: {"protocol":"HTTP/1.1","acceptEncoding":"br","via":"1.1 somewhere","isForwarded":true,"marks":5,"every":200}""",
            await reader.ReadLineAsync());
    }

    [Theory]
    [InlineData("marks=1", "marks")]
    [InlineData("marks=21", "marks")]
    [InlineData("every=5000", "every")]
    [InlineData("every=often", "every")]
    public async Task The_probe_is_bounded(string query, string field)
    {
        using var response = await app.Client.GetAsync($"/feeds/_probe?{query}", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains($"\"field\":\"{field}\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_probe_does_not_hold_up_the_server_when_it_stops()
    {
        using var probe = await app.Follow("/feeds/_probe?marks=20&every=1000");
        await probe.NextEvents(2);
        await app.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(5));
        Assert.Null(await probe.Next());
        app = await OrdersApp.Start();
    }
}
