using System.Net;
using System.Text.Json;
using CloudNative.CloudEvents.SystemTextJson;
using static Headwater.AspNetCore.Tests.Words;

namespace Headwater.AspNetCore.Tests;

/// <summary>Feeds page by page: short and long polling, and what caches may keep of it.</summary>
public sealed class PollingTests : IAsyncLifetime
{
    private const string Json = "application/json";
    private const string Batch = "application/cloudevents-batch+json";

    private OrdersApp app = null!;

    public async ValueTask InitializeAsync() => app = await OrdersApp.Start();

    public ValueTask DisposeAsync() => app.DisposeAsync();

    [Fact]
    public async Task Pages_lead_through_everything_in_order_and_only_those_below_the_head_may_be_kept()
    {
        await Open("1");
        for (var i = 0; i < 24; i++)
            await Add("1", i);
        await Until(async () => (await Poll("/feeds/order-events?after=start")).Events.Length == 25);

        var (seen, path, cached) = (new List<string>(), "/feeds/order-events?after=start&limit=10", new List<bool>());
        for (var page = await Poll(path); page.Events.Length > 0; page = await Poll(page.Next))
        {
            seen.AddRange(page.Events.Select(each => each.Data));
            cached.Add(page.CacheControl == "public, max-age=31536000, immutable");
            Assert.True(cached[^1] || page.CacheControl == "no-store", page.CacheControl);
            Assert.Equal(page.Cursor, page.Events[^1].Id);
        }

        Assert.Equal(25, seen.Count);
        Assert.Equal(Enumerable.Range(0, 24).Select(i => $$"""{"order":"1","item":"tea {{i}}","count":1}"""), seen.Skip(1));
        Assert.Equal([true, true, false], cached);
    }

    [Fact]
    public async Task What_only_some_may_see_is_kept_by_nobody_but_them_and_what_the_address_does_not_say_by_nobody()
    {
        await Open("allowed");
        await Add("allowed", 1);
        await Until(async () => (await Poll("/feeds/mine/allowed?after=start")).Events.Length == 2);
        Assert.Equal("private, max-age=31536000, immutable", (await Poll("/feeds/mine/allowed?after=start&limit=2")).CacheControl);
        await CommandTests.Problem(await Send("/feeds/mine/other?after=start"), HttpStatusCode.Unauthorized, "unauthorized");

        // Now, a cursor in a header, and rows, which change.
        Assert.Equal("no-store", (await Poll("/feeds/order-events?limit=1")).CacheControl);
        Assert.Equal("no-store", (await Poll("/feeds/order-events?limit=1", headers: ("Last-Event-ID", $"{app.Node.Tail.Epoch}.0"))).CacheControl);
        await Until(async () => (await Poll("/feeds/orders?after=start&limit=1")).Events.Length == 1);
        Assert.Equal("no-store", (await Poll("/feeds/orders?after=start&limit=1")).CacheControl);
        Assert.Equal(["Accept", "Last-Event-ID"], (await Send("/feeds/orders")).Headers.Vary);
    }

    [Fact]
    public async Task A_client_that_waits_hears_of_an_event_when_it_happens()
    {
        var before = await Poll("/feeds/order-events");
        Assert.Empty(before.Events);
        var waiting = Poll(before.Next, headers: ("Prefer", "wait=20"));
        await Until(async () => await OpenConnections() == 1);
        Assert.False(waiting.IsCompleted);
        await Open("1");

        var page = await waiting.WaitAsync(TimeSpan.FromSeconds(15), TestContext.Current.CancellationToken);
        Assert.Equal("order-opened", Assert.Single(page.Events).Event);
        Assert.Equal("wait=20", page.Response.Headers.GetValues("Preference-Applied").Single());
    }

    [Fact]
    public async Task A_client_that_waits_in_vain_is_told_that_nothing_has_changed()
    {
        await Open("1");
        var page = await Poll("/feeds/order-events?after=start");
        var again = await Send("/feeds/order-events?after=start", headers: [("If-None-Match", page.Response.Headers.ETag!.ToString())]);
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);

        var empty = await Poll(page.Next, headers: ("Prefer", "wait=1"));
        Assert.Empty(empty.Events);
        Assert.Equal(page.Cursor, empty.Cursor);
    }

    [Fact]
    public async Task A_client_may_change_between_a_stream_and_pages_in_the_middle_and_misses_nothing()
    {
        await Open("1");
        for (var i = 0; i < 40; i++)
            await Add("1", i);

        var (seen, cursor) = (new List<string>(), "start");
        for (var round = 0; seen.Count < 41; round++)
        {
            if (round % 2 == 0)
            {
                var page = await Poll($"/feeds/order-events?after={cursor}&limit={1 + round % 3}", round % 4 == 0 ? Json : Batch);
                seen.AddRange(page.Events.Select(each => each.Data));
                cursor = page.Cursor;
                continue;
            }

            using var stream = await app.Follow($"/feeds/order-events?after={cursor}");
            for (var i = 0; i < 2 && seen.Count < 41; i++)
                seen.Add((await stream.NextEvent()).Data!);
            cursor = stream.LastEventId!;
        }

        Assert.Equal(Enumerable.Range(0, 40).Select(i => $$"""{"order":"1","item":"tea {{i}}","count":1}"""), seen.Skip(1));
    }

    [Fact]
    public async Task A_view_feed_after_a_cursor_is_the_difference_alone()
    {
        await Open("1");
        await Open("2");
        await Until(async () => (await Poll("/feeds/orders?after=start")).Events.Length == 2);
        var first = await Poll("/feeds/orders?after=start");
        for (var i = 0; i < 5; i++)
            await Add("2", i);

        var difference = await Poll(first.Next, headers: ("Prefer", "wait=20"));
        await Until(async () => (difference = await Poll(first.Next)).Events is [{ Data: var data }] && data.Contains("\"items\":5", StringComparison.Ordinal));
        Assert.Equal("""{"key":"2","row":{"order":"2","customer":"ann","items":5}}""", Assert.Single(difference.Events).Data);
    }

    [Fact]
    public async Task Who_cannot_go_on_is_told_to_begin_anew_and_no_cache_keeps_it()
    {
        await Open("1");
        foreach (var type in new[] { Json, Batch })
        {
            var page = await Poll("/feeds/order-events?after=nonsense", type);
            Assert.Equal("reset", Assert.Single(page.Events).Event);
            Assert.Contains("\"reason\":\"malformed\"", page.Events[0].Data, StringComparison.Ordinal);
            Assert.Equal("no-store", page.CacheControl);
            Assert.Empty((await Poll(page.Next, type)).Events);
        }
    }

    [Fact]
    public async Task A_batch_is_one_of_cloud_events()
    {
        await Open("1");
        await Add("1", 1);
        await Until(async () => (await Poll("/feeds/orders?after=start")).Events.Length == 1);
        var response = await Send("/feeds?feed=order-events&feed=orders&after=start", Batch);
        Assert.Equal("application/cloudevents-batch+json", response.Content.Headers.ContentType!.MediaType);

        var events = new JsonEventFormatter().DecodeBatchModeMessage(await response.Content.ReadAsByteArrayAsync(), null, null);
        Assert.Equal(["order-opened", "item-added", "order-row"], events.Select(each => each.Type));
        Assert.All(events, each => Assert.True(each.IsValid));
        Assert.Equal(3, events.Select(each => each.Id).Distinct().Count());
        Assert.Equal(("/feeds/order-events", "1"), (events[0].Source!.ToString(), events[0].Subject));
        Assert.NotNull(events[0].Time);
        Assert.Equal(response.Headers.GetValues("Headwater-Cursor").Single(), events[2]["cursor"]);
    }

    [Theory]
    [InlineData(null, "text/event-stream")]
    [InlineData("*/*", "text/event-stream")]
    [InlineData("text/html, */*;q=0.8", "text/event-stream")]
    [InlineData("application/json;q=0.5, text/event-stream", "text/event-stream")]
    [InlineData("application/json, text/event-stream;q=0.5", "application/json")]
    [InlineData("application/cloudevents-batch+json", "application/cloudevents-batch+json")]
    public async Task The_client_says_whether_it_wants_a_stream(string? accept, string type)
    {
        using var response = await Send("/feeds/orders", accept);
        Assert.Equal(type, response.Content.Headers.ContentType!.MediaType);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1001")]
    [InlineData("many")]
    public async Task A_limit_has_bounds(string limit) =>
        await CommandTests.Problem(await Send($"/feeds/orders?limit={limit}"), HttpStatusCode.BadRequest, "bad-parameter");

    private Task<HttpResponseMessage> Open(string order) => app.Post($"/orders/{order}/open", new Open("ann"));

    private Task<HttpResponseMessage> Add(string order, int number) => app.Post($"/orders/{order}/items", new AddItem($"tea {number}", 1));

    private async Task<int> OpenConnections()
    {
        using var health = JsonDocument.Parse(await app.Client.GetStringAsync("/health/detail"));
        return health.RootElement.GetProperty("feedConnections").GetInt32();
    }

    private Task<HttpResponseMessage> Send(string path, string? accept = Json, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (accept is not null)
            request.Headers.TryAddWithoutValidation("Accept", accept);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return app.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    private async Task<Page> Poll(string path, string accept = Json, params (string Name, string Value)[] headers)
    {
        var response = await Send(path, accept, headers);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        var events = accept == Json ? body.RootElement.GetProperty("events") : body.RootElement;
        var (name, id) = accept == Json ? ("event", "id") : ("type", "cursor");
        var link = response.Headers.GetValues("Link").Single();
        return new Page(
            response, response.Headers.GetValues("Headwater-Cursor").Single(), link[1..link.IndexOf('>', StringComparison.Ordinal)],
            [.. events.EnumerateArray().Select(each => (each.GetProperty(name).GetString()!,
                each.TryGetProperty(id, out var cursor) ? cursor.GetString() : null, each.GetProperty("data").GetRawText()))]);
    }

    private sealed record Page(HttpResponseMessage Response, string Cursor, string Next, (string Event, string? Id, string Data)[] Events)
    {
        public string CacheControl => Response.Headers.NonValidated["Cache-Control"].ToString();
    }
}
