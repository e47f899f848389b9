using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.AspNetCore.Tests;

public sealed class ReadModelTests : IAsyncLifetime
{
    private readonly TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private OrdersApp app = null!;

    public async ValueTask InitializeAsync() => app = await OrdersApp.Start();

    public async ValueTask DisposeAsync()
    {
        gate.TrySetResult();
        await app.DisposeAsync();
    }

    [Fact]
    public async Task Rows_are_found_by_indexed_fields_page_by_page()
    {
        HttpResponseMessage last = null!;
        for (var i = 0; i < 5; i++)
            last = await app.Post($"/orders/{i}/open", new Open(i % 2 == 0 ? "ann" : "bob"));
        var page = await Get("/list?customer=ann&limit=2", Cursor(last));
        Assert.Equal(["0", "2"], await Keys(page));
        var link = page.Headers.GetValues("Link").Single();
        Assert.EndsWith("rel=\"next\"", link, StringComparison.Ordinal);
        Assert.Equal(["4"], await Keys(await app.Client.GetAsync(link[1..link.IndexOf('>', StringComparison.Ordinal)])));
        await CommandTests.Problem(await app.Client.GetAsync("/list?color=red"), HttpStatusCode.BadRequest, "bad-parameter");
        await CommandTests.Problem(await app.Client.GetAsync("/list?limit=0"), HttpStatusCode.BadRequest, "bad-parameter");
    }

    [Fact]
    public async Task A_row_has_an_etag_and_a_cursor_to_follow_from()
    {
        var opened = await app.Post("/orders/1/open", new Open("ann"));
        var row = await Get("/list/1", Cursor(opened));
        Assert.Equal("""{"order":"1","customer":"ann","items":0}""", await row.Content.ReadAsStringAsync());
        var again = new HttpRequestMessage(HttpMethod.Get, "/list/1");
        again.Headers.TryAddWithoutValidation("If-None-Match", row.Headers.ETag!.Tag);
        Assert.Equal(HttpStatusCode.NotModified, (await app.Client.SendAsync(again)).StatusCode);

        var follow = await app.Follow($"/feeds/orders?after={Cursor(row)}");
        await app.Post("/orders/1/items", new AddItem("tea", 1));
        Assert.Contains("\"items\":1", (await follow.NextEvent()).Data!, StringComparison.Ordinal);
        await CommandTests.Problem(await app.Client.GetAsync("/list/unknown"), HttpStatusCode.NotFound, "not-found");
    }

    [Theory]
    [InlineData("/list")]
    [InlineData("/list/1")]
    public async Task What_is_known_of_a_read_model_is_known_no_more_when_it_was_built_again(string path)
    {
        var opened = await app.Post("/orders/1/open", new Open("ann"));
        var known = (await Get(path, Cursor(opened))).Headers.ETag!.ToString();
        Assert.Equal(HttpStatusCode.NotModified, (await Get(path, Cursor(opened), ("If-None-Match", known))).StatusCode);
        await app.Node.Rebuild("orders", CancellationToken.None);
        Assert.Equal(HttpStatusCode.OK, (await Get(path, Cursor(opened), ("If-None-Match", known))).StatusCode);
    }

    [Fact]
    public async Task A_wait_is_bounded_whatever_is_asked_for()
    {
        var opened = await app.Post("/orders/1/open", new Open("ann"));
        Assert.Equal("wait=30", (await Get("/list/1", Cursor(opened), "wait=99999")).Headers.GetValues("Preference-Applied").Single());
    }

    [Fact]
    public async Task A_query_that_does_not_say_how_long_waits_for_two_seconds()
    {
        await app.DisposeAsync();
        var clock = new WatchedTime();
        app = await OrdersApp.Start(headwater => headwater.Services.AddSingleton<TimeProvider>(clock));
        var response = app.Client.SendAsync(Request("/list/1", $"{app.Node.Tail.Epoch}.1"));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!clock.Timers.Contains(TimeSpan.FromSeconds(2)))
        {
            limit.Token.ThrowIfCancellationRequested();
            Assert.False(response.IsCompleted);
            await Task.Yield();
        }

        await app.Post("/orders/1/open", new Open("ann"));
        Assert.False((await response.WaitAsync(limit.Token)).Headers.Contains("Headwater-Stale"));
    }

    [Fact]
    public async Task A_node_that_has_stopped_is_not_healthy()
    {
        await app.Node.Stop();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await app.Client.GetAsync("/health")).StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await app.Client.GetAsync("/health/detail")).StatusCode);
    }

    [Fact]
    public async Task A_query_that_carries_a_cursor_reads_that_write()
    {
        for (var i = 0; i < 50; i++)
        {
            var written = await app.Post("/orders/1/items", new AddItem("tea", 1));
            var row = await (await Get("/list/1", Cursor(written))).Content.ReadFromJsonAsync<JsonElement>();
            Assert.Equal(i + 1, row.GetProperty("items").GetInt32());
        }
    }

    [Fact]
    public async Task What_was_written_is_read_from_a_second_database_and_followed_from_there()
    {
        await app.DisposeAsync();
        var second = new MemoryStore(TimeProvider.System, Guid.NewGuid);
        app = await OrdersApp.Start(headwater => headwater.AddReadModels("second", _ => new(second, second)), orders => orders.KeptIn("second"));
        HttpResponseMessage row = null!;
        for (var i = 0; i < 50; i++)
        {
            var written = await app.Post("/orders/1/items", new AddItem("tea", 1));
            row = await Get("/list/1", Cursor(written));
            Assert.Equal(i + 1, (await row.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("items").GetInt32());
        }

        var follow = await app.Follow($"/feeds/orders?after={Cursor(row)}");
        await app.Post("/orders/1/items", new AddItem("tea", 1));
        Assert.Contains("\"items\":51", (await follow.NextEvent()).Data!, StringComparison.Ordinal);
        Assert.Equal(new Position(51), (await second.State("orders", CancellationToken.None)).Checkpoint.Position);
    }

    [Fact]
    public async Task A_read_model_that_stays_behind_is_waited_for_within_the_bound_and_only_for_the_key()
    {
        await app.DisposeAsync();
        app = await OrdersApp.Start(headwater =>
        {
            headwater.Services.AddSingleton(new OrderListWithGate(gate.Task, "slow"));
            headwater.AddProjection<OrderListWithGate, OrderRow>("gated", orders => orders.KeyedByStream("order"));
        });
        var fast = await app.Post("/orders/fast/open", new Open("ann"));
        Assert.True(await app.Node.ReadModels["gated"].WaitFor("fast", At(fast), TimeSpan.FromSeconds(20), CancellationToken.None));
        var slow = await app.Post("/orders/slow/open", new Open("bob"));

        // The projection hangs at the event of "slow", and "fast" has nothing after it: its row is as fresh as can be.
        Assert.True(await app.Node.ReadModels["gated"].WaitFor("fast", At(slow), TimeSpan.FromSeconds(20), CancellationToken.None));
        Assert.False(await app.Node.ReadModels["gated"].WaitFor("slow", At(slow), TimeSpan.FromMilliseconds(50), CancellationToken.None));
        Assert.False(await app.Node.ReadModels["gated"].WaitFor(null, At(slow), TimeSpan.FromMilliseconds(50), CancellationToken.None));
        gate.SetResult();
        Assert.True(await app.Node.ReadModels["gated"].WaitFor("slow", At(slow), TimeSpan.FromSeconds(20), CancellationToken.None));
    }

    [Fact]
    public async Task Giving_up_is_said_in_a_header()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        var head = await app.Node.Log.Head();
        var response = await Get("/list/1", $"{head.Epoch}.{head.Position.Value + 1}", "wait=0");
        Assert.Equal("true", response.Headers.GetValues("Headwater-Stale").Single());
        Assert.Equal("wait=0", response.Headers.GetValues("Preference-Applied").Single());

        // Who follows from further back, but knows of an event, waits for that.
        Assert.Equal("true", (await Get("/list/1", $"{head.Epoch}.0.{head.Position.Value + 1}", "wait=0")).Headers.GetValues("Headwater-Stale").Single());
        Assert.False((await Get("/list/1", $"{head.Epoch}.0.{head.Position.Value}")).Headers.Contains("Headwater-Stale"));
        await CommandTests.Problem(await Get("/list/1", "garbage"), HttpStatusCode.BadRequest, "bad-parameter");
        await CommandTests.Problem(await Get("/list/1", "00000000.1"), HttpStatusCode.BadRequest, "bad-parameter");
    }

    [Fact]
    public async Task Health_shows_projections_with_their_lag()
    {
        Assert.Equal(HttpStatusCode.OK, (await app.Client.GetAsync("/health")).StatusCode);
        var written = await app.Post("/orders/1/open", new Open("ann"));
        await Get("/list/1", Cursor(written));
        var detail = await app.Client.GetFromJsonAsync<JsonElement>("/health/detail");
        var projection = detail.GetProperty("projections").EnumerateArray().Single();
        Assert.Equal("orders", projection.GetProperty("name").GetString());
        Assert.Equal(0, projection.GetProperty("lagEvents").GetInt64());
        Assert.Equal(0, projection.GetProperty("lagSeconds").GetDouble());
    }

    [Fact]
    public async Task Health_shows_which_node_runs_what()
    {
        await app.DisposeAsync();
        var leases = new MemoryLeaseStore(TimeProvider.System);
        var other = new NodeInfo("other", "elsewhere", 7, DateTimeOffset.UnixEpoch);
        await leases.Renew(other, ["orders"], TimeSpan.FromMinutes(10), CancellationToken.None);
        app = await OrdersApp.Start(headwater =>
        {
            headwater.Services.AddSingleton<ILeaseStore>(leases);
            headwater.AddProjection<OrderList, OrderRow>("mine", orders => orders.KeyedByStream("order"));
        });
        var written = await app.Post("/orders/1/open", new Open("ann"));
        Assert.True(await app.Node.ReadModels["mine"].WaitFor(null, At(written), TimeSpan.FromSeconds(20), CancellationToken.None));

        var detail = await app.Client.GetFromJsonAsync<JsonElement>("/health/detail");

        var self = detail.GetProperty("node").GetString();
        Assert.Equal("ready", detail.GetProperty("status").GetString());
        Assert.Equal(1, detail.GetProperty("head").GetInt64());
        var nodes = detail.GetProperty("nodes").EnumerateArray().ToList();
        Assert.Equal(["other", self], nodes.Select(node => node.GetProperty("id").GetString()));
        Assert.Equal(("elsewhere", 7), (nodes[0].GetProperty("host").GetString(), nodes[0].GetProperty("processId").GetInt32()));
        Assert.Equal([("orders", true, "other"), ("mine", false, self)], detail.GetProperty("projections").EnumerateArray().Select(each =>
            (each.GetProperty("name").GetString(), each.GetProperty("state").GetString() == "standby", each.GetProperty("owner").GetString())));
    }

    [Fact]
    public async Task Health_shows_no_nodes_and_owners_where_there_are_no_leases()
    {
        var detail = await app.Client.GetFromJsonAsync<JsonElement>("/health/detail");

        Assert.Equal(JsonValueKind.Null, detail.GetProperty("node").ValueKind);
        Assert.Empty(detail.GetProperty("nodes").EnumerateArray());
        Assert.Equal(JsonValueKind.Null, detail.GetProperty("projections")[0].GetProperty("owner").ValueKind);
    }

    private Task<HttpResponseMessage> Get(string path, string atLeast, string prefer = "wait=20") => Get(path, atLeast, ("Prefer", prefer));

    private Task<HttpResponseMessage> Get(string path, string atLeast, (string Name, string Value) header)
    {
        var request = Request(path, atLeast);
        request.Headers.TryAddWithoutValidation(header.Name, header.Value);
        return app.Client.SendAsync(request);
    }

    private static HttpRequestMessage Request(string path, string atLeast)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Headwater-At-Least", atLeast);
        return request;
    }

    private static string Cursor(HttpResponseMessage response) => response.Headers.GetValues("Headwater-Cursor").Single();

    private static Position At(HttpResponseMessage response) =>
        Headwater.Cursor.TryParse(Cursor(response), out var cursor) ? cursor.Position : throw new FormatException();

    private static async Task<string[]> Keys(HttpResponseMessage response) =>
        [.. (await response.Content.ReadFromJsonAsync<JsonElement>()).EnumerateArray().Select(row => row.GetProperty("order").GetString()!)];
}
