using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Headwater.AspNetCore.Tests;

public sealed class FeedTests : IAsyncLifetime
{
    private OrdersApp app = null!;

    public async ValueTask InitializeAsync() => app = await OrdersApp.Start();

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    [Fact]
    public async Task First_bytes_come_at_once_with_the_headers_proxies_need()
    {
        using var feed = await app.Follow("/feeds/order-events");
        Assert.Equal("text/event-stream", feed.Response.Content.Headers.ContentType!.ToString());
        Assert.Equal("no-cache, no-transform", feed.Response.Headers.CacheControl!.ToString().Replace("no-transform, no-cache", "no-cache, no-transform", StringComparison.Ordinal));
        Assert.Equal("no", feed.Response.Headers.GetValues("X-Accel-Buffering").Single());
        Assert.Equal("identity", feed.Response.Content.Headers.ContentEncoding.Single());
        Assert.Equal("connected", (await feed.Next())!.Comment);
        Assert.InRange(int.Parse((await feed.Next())!.Retry!, System.Globalization.CultureInfo.InvariantCulture), 1000, 2000);
        var here = await feed.Next();
        Assert.Null(here!.Data);
        Assert.True(Cursor.TryParse(here.Id, out var cursor));
        Assert.Equal(Position.Start, cursor.Position);
    }

    [Fact]
    public async Task Events_leave_only_by_contract_in_order_with_their_cursor()
    {
        using var feed = await app.Follow("/feeds/order-events?after=start");
        await app.Post("/orders/1/open", new Open("ann"));
        await app.Post("/orders/1/notes", new Note("not for the world"));
        var added = await app.Post("/orders/1/items", new AddItem("tea", 2));
        await app.Post("/orders/1/close", new Close());

        var blocks = await feed.NextEvents(3);
        Assert.Equal(["order-opened", "item-added", "order-closed.v2"], blocks.Select(block => block.Event));
        Assert.Equal("""{"order":"1","item":"tea","count":2}""", blocks[1].Data);
        Assert.Equal(added.Headers.GetValues("Headwater-Cursor").Single(), blocks[1].Id);
    }

    [Fact]
    public async Task Resume_is_exact_by_header_and_by_query()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        string first;
        using (var feed = await app.Follow("/feeds/order-events/1?after=start"))
            first = (await feed.NextEvent()).Id!;
        for (var i = 1; i <= 5; i++)
            await app.Post("/orders/1/items", new AddItem("tea", i));

        foreach (var (path, header) in new[]
        {
            ($"/feeds/order-events/1?after={first}", null),
            ($"/feeds/order-events/1?last_event_id={first}", null),
            ("/feeds/order-events/1?after=start", first),
        })
        {
            using var feed = await app.Follow(path, header);
            Assert.Equal([1, 2, 3, 4, 5], (await feed.NextEvents(5)).Select(block => JsonDocument.Parse(block.Data!).RootElement.GetProperty("count").GetInt32()));
        }
    }

    [Fact]
    public async Task Without_a_cursor_a_feed_starts_at_now()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        using var feed = await app.Follow("/feeds/order-events");
        while ((await feed.Next())!.Id is null)
        {
        }

        await app.Post("/orders/2/open", new Open("bob"));
        Assert.Contains("bob", (await feed.NextEvent()).Data!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_quiet_filtered_feed_advances_by_id_only_blocks()
    {
        using var feed = await app.Follow("/feeds/order-events/quiet");
        await app.Post("/orders/1/open", new Open("ann"));
        var cursor = (await app.Post("/orders/1/items", new AddItem("tea", 1))).Headers.GetValues("Headwater-Cursor").Single();
        SseBlock? block;
        do
        {
            block = await feed.Next();
            Assert.Null(block!.Data);
        }
        while (block.Id != cursor);
    }

    [Theory]
    [InlineData("garbage", "malformed")]
    [InlineData("00000000.1", "foreign-epoch")]
    [InlineData("{epoch}.999999", "beyond-head")]
    [InlineData("{epoch}.0~orders.7.0", "rebuilt")]
    public async Task What_cannot_be_resumed_gives_one_reset_with_a_fresh_cursor(string cursor, string reason)
    {
        await app.Post("/orders/1/open", new Open("ann"));
        var head = await app.Node.Log.Head();
        using var feed = await app.Follow($"/feeds?feed=order-events&feed=orders&after={cursor.Replace("{epoch}", head.Epoch, StringComparison.Ordinal)}");
        var reset = await feed.NextEvent();
        Assert.Equal("reset", reset.Event);
        var data = JsonDocument.Parse(reset.Data!).RootElement;
        Assert.Equal(reason, data.GetProperty("reason").GetString());
        Assert.Equal(reset.Id, data.GetProperty("cursor").GetString());
        Assert.StartsWith($"{head.Epoch}.{head.Position}~orders.0.", reset.Id, StringComparison.Ordinal);

        await app.Post("/orders/2/open", new Open("bob"));
        Assert.NotEqual("reset", (await feed.NextEvent()).Event);
    }

    [Fact]
    public async Task A_view_feed_sends_the_newest_row_and_deletions()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        for (var i = 0; i < 5; i++)
            await app.Post("/orders/1/items", new AddItem("tea", 1));
        var last = await app.Post("/orders/2/open", new Open("bob"));
        await UpToDate(last);

        using var feed = await app.Follow("/feeds/orders?after=start");
        var rows = await feed.NextEvents(2);
        Assert.Equal("""{"key":"1","row":{"order":"1","customer":"ann","items":5}}""", rows[0].Data);
        Assert.Equal("order-row", rows[0].Event);
        Assert.Contains("bob", rows[1].Data!, StringComparison.Ordinal);

        await app.Post("/orders/1/close", new Close());
        Assert.Equal("""{"key":"1","row":null}""", (await feed.NextEvent()).Data);

        using var one = await app.Follow("/feeds/orders/2?after=start");
        Assert.Contains("bob", (await one.NextEvent()).Data!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_feeds_share_one_connection_and_one_cursor()
    {
        using var feed = await app.Follow("/feeds?feed=orders&feed=order-events/2&after=start");
        await app.Post("/orders/1/open", new Open("ann"));
        await app.Post("/orders/2/open", new Open("bob"));
        var blocks = await feed.NextEvents(3);
        Assert.Equal(1, blocks.Count(block => block.Event == "order-opened"));
        Assert.Equal(2, blocks.Count(block => block.Event == "order-row"));
        var cursor = feed.LastEventId!;

        await app.Post("/orders/2/items", new AddItem("tea", 3));
        using var resumed = await app.Follow("/feeds?feed=orders&feed=order-events/2", cursor);
        var rest = await resumed.NextEvents(2);
        Assert.Equal(["item-added", "order-row"], rest.Select(block => block.Event).Order());
    }

    [Fact]
    public async Task A_feed_that_is_asked_for_twice_comes_once()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        await app.Post("/orders/1/items", new AddItem("tea", 1));
        using var feed = await app.Follow("/feeds?feed=order-events&feed=order-events&after=start");
        Assert.Equal(["order-opened", "item-added"], (await feed.NextEvents(2)).Select(block => block.Event));
    }

    [Fact]
    public async Task A_feed_by_tag_has_only_what_carries_the_tag()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        await app.Post("/orders/2/open", new Open("bob"));
        await app.Post("/orders/1/items", new AddItem("tea", 1));
        using var feed = await app.Follow("/feeds/by-customer/ann?after=start");
        Assert.Equal(["order-opened", "item-added"], (await feed.NextEvents(2)).Select(block => block.Event));
        Assert.Equal(HttpStatusCode.NotFound, (await app.Client.GetAsync("/feeds/by-customer")).StatusCode);
    }

    [Theory]
    [InlineData("/feeds/closed", HttpStatusCode.Unauthorized)]
    [InlineData("/feeds/mine/other", HttpStatusCode.Unauthorized)]
    [InlineData("/feeds?feed=orders&feed=closed", HttpStatusCode.Unauthorized)]
    [InlineData("/feeds/nothing", HttpStatusCode.NotFound)]
    [InlineData("/feeds", HttpStatusCode.BadRequest)]
    public async Task Subscribing_is_denied_unless_a_rule_allows_it(string path, HttpStatusCode status)
    {
        var response = await app.Client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.StartsWith("urn:headwater:problem:", problem.GetProperty("type").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rule_is_asked_again_at_every_resume()
    {
        await app.DisposeAsync();
        var isAllowed = true;
        app = await OrdersApp.Start(headwater => headwater.AddFeed("revocable", feed => feed.Rows("orders", "order-row").Allow((_, _) => ValueTask.FromResult(isAllowed))));
        using (var feed = await app.Follow("/feeds/revocable"))
            while (feed.LastEventId is null)
                await feed.Next();
        isAllowed = false;

        using var resumed = await app.Follow("/feeds/revocable", $"{app.Node.Tail.Epoch}.0");
        Assert.Equal(HttpStatusCode.Unauthorized, resumed.Response.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await app.Client.GetAsync($"/feeds?feed=orders&feed=revocable&after={app.Node.Tail.Epoch}.0")).StatusCode);
    }

    [Fact]
    public async Task A_connection_follows_a_bounded_number_of_feeds()
    {
        var feeds = string.Join('&', Enumerable.Range(0, app.Node.Options.MaxFeedsPerConnection + 1).Select(i => $"feed=orders/{i}"));
        Assert.Equal(HttpStatusCode.BadRequest, (await app.Client.GetAsync($"/feeds?{feeds}", HttpCompletionOption.ResponseHeadersRead)).StatusCode);
    }

    [Fact]
    public async Task Clients_that_lose_their_server_together_do_not_come_back_together()
    {
        var times = new HashSet<string?>();
        for (var i = 0; i < 5; i++)
        {
            using var feed = await app.Follow("/feeds/order-events");
            await feed.Next();
            times.Add((await feed.Next())!.Retry);
        }

        Assert.NotEqual(1, times.Count);
    }

    [Fact]
    public async Task Who_comes_while_the_server_stops_is_sent_away_until_another_one_is_there()
    {
        HttpResponseMessage? response = null;
        app.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(() => response = app.Client.GetAsync("/feeds/order-events").GetAwaiter().GetResult());
        await app.DisposeAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response!.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        app = await OrdersApp.Start();
    }

    [Fact]
    public async Task A_rule_sees_the_key()
    {
        using var feed = await app.Follow("/feeds/mine/allowed");
        Assert.Equal(HttpStatusCode.OK, feed.Response.StatusCode);
    }

    [Fact]
    public async Task A_rebuild_resets_a_live_view_feed_once_and_goes_on()
    {
        await UpToDate(await app.Post("/orders/1/open", new Open("ann")));
        using var feed = await app.Follow("/feeds/orders?after=start");
        await feed.NextEvent();
        await app.Node.Rebuild("orders", CancellationToken.None);
        var reset = await feed.NextEvent();
        Assert.Equal("reset", reset.Event);
        Assert.Contains("rebuilt", reset.Data!, StringComparison.Ordinal);
        await UpToDate(await app.Post("/orders/2/open", new Open("bob")));
        SseBlock block;
        do
        {
            block = await feed.NextEvent();
            Assert.Equal("order-row", block.Event);
        }
        while (!block.Data!.Contains("bob", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Stopping_ends_streams_soon_and_tells_the_cursor()
    {
        using var feed = await app.Follow("/feeds/order-events");
        await feed.Next();
        var stopping = app.DisposeAsync().AsTask();
        var blocks = new List<SseBlock>();
        while (await feed.Next() is { } block)
            blocks.Add(block);
        Assert.Contains(blocks, block => block.Comment == "the server is stopping");
        Assert.NotNull(feed.LastEventId);
        await stopping.WaitAsync(TimeSpan.FromSeconds(20));
        app = await OrdersApp.Start();
    }

    private async Task UpToDate(HttpResponseMessage command)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/list");
        request.Headers.Add("Headwater-At-Least", command.Headers.GetValues("Headwater-Cursor").Single());
        request.Headers.Add("Prefer", "wait=20");
        var response = await app.Client.SendAsync(request);
        Assert.False(response.Headers.Contains("Headwater-Stale"));

        // Feeds follow the read model's tail, which reads what was committed a moment later.
        Assert.True(Cursor.TryParse(command.Headers.GetValues("Headwater-Cursor").Single(), out var cursor));
        var tail = ((ViewFeed)app.Node.Feeds["orders"]).Tail;
        while (true)
        {
            var more = tail.Advanced;
            if (tail.At.Position >= cursor.Position)
                return;
            await more.WaitAsync(TimeSpan.FromSeconds(20));
        }
    }
}
