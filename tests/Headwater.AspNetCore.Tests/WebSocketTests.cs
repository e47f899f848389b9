using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using static Headwater.AspNetCore.Tests.Words;

namespace Headwater.AspNetCore.Tests;

/// <summary>Feeds over a WebSocket, and the manners of the protocol.</summary>
public sealed class WebSocketTests : IAsyncLifetime
{
    private const int ParseError = -32700, InvalidRequest = -32600, UnknownMethod = -32601, InvalidParams = -32602, HasProblem = -32000;

    private OrdersApp app = null!;

    public async ValueTask InitializeAsync() => app = await OrdersApp.Start();

    public ValueTask DisposeAsync() => app.DisposeAsync();

    [Fact]
    public async Task Events_come_by_contract_in_order_with_their_cursor()
    {
        using var socket = await TestSocket.Open(app);
        var begun = await socket.Subscribe("all", "order-events", "start");
        Assert.Equal($"{app.Node.Tail.Epoch}.0", begun.GetProperty("cursor").GetString());
        await app.Post("/orders/1/open", new Open("ann"));
        await app.Post("/orders/1/notes", new Note("not for the world"));
        var added = await app.Post("/orders/1/items", new AddItem("tea", 2));
        await app.Post("/orders/1/close", new Close());

        var events = await socket.NextEvents(3);
        Assert.Equal(["order-opened", "item-added", "order-closed.v2"], events.Select(each => each.GetProperty("event").GetString()));
        Assert.All(events, each => Assert.Equal("all", each.GetProperty("subscription").GetString()));
        Assert.Equal("""{"order":"1","item":"tea","count":2}""", events[1].GetProperty("data").GetRawText());
        Assert.Equal(added.Headers.GetValues("Headwater-Cursor").Single(), events[1].GetProperty("id").GetString());
    }

    [Fact]
    public async Task Several_subscriptions_share_a_socket_and_each_has_its_cursor()
    {
        await Open("1");
        await Open("2");
        using var socket = await TestSocket.Open(app);
        await socket.Subscribe("first", "order-events/1", "start");
        await socket.Subscribe("rows", "orders order-events/2", "start");
        var seen = await socket.NextEvents(4);
        Assert.Equal(1, seen.Count(each => Is(each, "first", "order-opened")));
        Assert.Equal(1, seen.Count(each => Is(each, "rows", "order-opened")));
        Assert.Equal(2, seen.Count(each => Is(each, "rows", "order-row")));

        await Add("1", 1);
        await Add("2", 2);
        using var again = await TestSocket.Open(app);
        await again.Subscribe("first", "order-events/1", socket.Cursors["first"]);
        await again.Subscribe("rows", "orders order-events/2", socket.Cursors["rows"]);
        var rest = await again.NextEvents(4);
        Assert.Equal(["item-added"], rest.Where(each => each.GetProperty("subscription").GetString() == "first").Select(Name));
        Assert.Equal(["item-added", "order-row", "order-row"], rest.Where(each => each.GetProperty("subscription").GetString() == "rows").Select(Name).Order());
    }

    [Fact]
    public async Task What_is_no_longer_subscribed_says_no_more_and_its_name_is_free()
    {
        using var socket = await TestSocket.Open(app);
        await socket.Subscribe("a", "order-events/1");
        await socket.Subscribe("b", "order-events");
        Assert.Equal(InvalidParams, (await socket.Error("subscribe", new JsonObject { ["subscription"] = "a", ["feeds"] = "order-events" })).Code);
        await socket.Result("unsubscribe", new JsonObject { ["subscription"] = "a" });
        await Open("1");
        await Open("2");
        Assert.Equal(["b", "b"], (await socket.NextEvents(2)).Select(each => each.GetProperty("subscription").GetString()));

        await socket.Subscribe("a", "order-events/2", "start");
        Assert.Equal("a", (await socket.NextEvents(1))[0].GetProperty("subscription").GetString());
        await Problem(socket.Error("unsubscribe", new JsonObject { ["subscription"] = "c" }), HasProblem, 404, "not-found");
    }

    [Fact]
    public async Task A_quiet_subscription_advances()
    {
        using var socket = await TestSocket.Open(app);
        await socket.Subscribe("quiet", "order-events/other", "start");
        var cursor = (await Open("1")).Headers.GetValues("Headwater-Cursor").Single();
        while (socket.Cursors["quiet"] != cursor)
            Assert.Equal("cursor", (await socket.Next())!.Value.Method);
    }

    [Theory]
    [InlineData("garbage", "malformed")]
    [InlineData("00000000.1", "foreign-epoch")]
    [InlineData("{epoch}.999999", "beyond-head")]
    [InlineData("{epoch}.0~orders.7.0", "rebuilt")]
    public async Task What_cannot_be_resumed_gives_one_reset_with_a_fresh_cursor(string cursor, string reason)
    {
        await Open("1");
        using var socket = await TestSocket.Open(app);
        var begun = await socket.Subscribe("a", "order-events orders", cursor.Replace("{epoch}", app.Node.Tail.Epoch, StringComparison.Ordinal));
        Assert.False(begun.TryGetProperty("cursor", out _));
        var (method, reset) = await socket.NextEvent();
        Assert.Equal("reset", method);
        Assert.Equal(reason, reset.GetProperty("reason").GetString());
        Assert.True(Cursor.TryParse(reset.GetProperty("cursor").GetString(), out var fresh));
        Assert.Equal((await app.Node.Log.Head()).Position, fresh.Position);
        await Open("2");
        Assert.Equal("event", (await socket.NextEvent()).Method);
    }

    [Fact]
    public async Task Following_is_denied_unless_a_rule_allows_it_and_the_rest_goes_on()
    {
        using var socket = await TestSocket.Open(app);
        await socket.Subscribe("good", "mine/allowed");
        await Problem(socket.Error("subscribe", Feeds("a", "closed")), HasProblem, 401, "unauthorized");
        await Problem(socket.Error("subscribe", Feeds("a", "mine/other")), HasProblem, 401, "unauthorized");
        await Problem(socket.Error("subscribe", Feeds("a", "nothing")), HasProblem, 404, "not-found");
        await Problem(socket.Error("subscribe", Feeds("a")), HasProblem, 400, "bad-parameter");
        await Open("allowed");
        Assert.Equal("good", (await socket.NextEvents(1))[0].GetProperty("subscription").GetString());
    }

    [Fact]
    public async Task A_socket_follows_a_bounded_number_of_feeds()
    {
        await app.DisposeAsync();
        app = await OrdersApp.Start(headwater => headwater.Configure(options => options.MaxFeedsPerConnection = 3));
        using var socket = await TestSocket.Open(app);
        await socket.Subscribe("a", "orders order-events");
        await Problem(socket.Error("subscribe", Feeds("b", "orders/1", "orders/2")), InvalidParams, 400, "bad-parameter");
        await socket.Subscribe("b", "orders/1");
        await Problem(socket.Error("subscribe", Feeds("c", "orders/2")), InvalidParams, 400, "bad-parameter");
        await socket.Result("unsubscribe", new JsonObject { ["subscription"] = "b" });
        await socket.Subscribe("c", "orders/2");
    }

    [Theory]
    [InlineData("{", ParseError, null)]
    [InlineData("[]", InvalidRequest, null)]
    [InlineData("""{"jsonrpc":"1.0","id":7,"method":"subscribe"}""", InvalidRequest, 7)]
    [InlineData("""{"jsonrpc":"2.0","id":7,"method":"subscribe","params":[]}""", InvalidRequest, 7)]
    [InlineData("""{"jsonrpc":"2.0","id":7,"method":7}""", InvalidRequest, 7)]
    [InlineData("""{"jsonrpc":"2.0","id":7,"method":"subscribe","extra":1}""", InvalidRequest, 7)]
    [InlineData("""{"jsonrpc":"2.0","id":[],"method":"subscribe"}""", InvalidRequest, null)]
    [InlineData("""{"jsonrpc":"2.0","id":"\ud800","method":"subscribe"}""", InvalidRequest, null)]
    [InlineData("""{"jsonrpc":"2.0","id":7,"id":8,"method":"subscribe"}""", InvalidRequest, null)]
    [InlineData("""{"jsonrpc":"2.0","id":7,"method":"sing"}""", UnknownMethod, 7)]
    [InlineData("""{"jsonrpc":"2.0","id":7,"method":"subscribe","params":{"subscription":"a","feeds":["orders"],"from":"start"}}""", InvalidParams, 7)]
    [InlineData("""{"jsonrpc":"2.0","id":7,"method":"subscribe","params":{"subscription":1,"feeds":["orders"]}}""", InvalidParams, 7)]
    [InlineData("""{"jsonrpc":"2.0","id":7,"method":"subscribe","params":{"subscription":"","feeds":["orders"]}}""", InvalidParams, 7)]
    [InlineData("""{"jsonrpc":"2.0","id":7,"method":"subscribe","params":{"subscription":"a","feeds":[1]}}""", InvalidParams, 7)]
    [InlineData("""{"jsonrpc":"2.0","id":7,"method":"subscribe","params":{"subscription":"a","feeds":"\ud800"}}""", InvalidRequest, 7)]
    [InlineData("""{"jsonrpc":"2.0","id":7,"method":"command","params":{"path":"orders/1/open"}}""", InvalidParams, 7)]
    [InlineData("""{"jsonrpc":"2.0","id":7,"method":"command","params":{"path":"/orders/../list"}}""", InvalidParams, 7)]
    [InlineData("""{"jsonrpc":"2.0","id":7,"method":"command","params":{"path":"/orders/%2e%2E/open"}}""", InvalidParams, 7)]
    public async Task A_message_that_is_wrong_is_answered_and_the_socket_stays(string message, int code, int? id)
    {
        using var socket = await TestSocket.Open(app);
        await socket.Send(message);
        var answer = (await socket.Receive())!.Value;
        Assert.Equal(code, answer.GetProperty("error").GetProperty("code").GetInt32());
        Assert.StartsWith("urn:headwater:problem:", answer.GetProperty("error").GetProperty("data").GetProperty("type").GetString(), StringComparison.Ordinal);
        Assert.Equal(id, answer.GetProperty("id") is { ValueKind: JsonValueKind.Number } number ? number.GetInt32() : null);
        await socket.Subscribe("a", "orders");
    }

    [Fact]
    public async Task Who_wants_no_answer_gets_none()
    {
        using var socket = await TestSocket.Open(app);
        await socket.Send("""{"jsonrpc":"2.0","method":"sing"}""");
        await socket.Send("""{"jsonrpc":"2.0","method":"command","params":{"path":"/orders/1/open","body":{"customer":"ann"}}}""");
        await socket.Send("""{"jsonrpc":"2.0","method":"subscribe","params":{"subscription":"a","feeds":"order-events","after":"start"}}""");
        Assert.Equal("order-opened", (await socket.NextEvents(1)).Select(Name).Single());
    }

    [Fact]
    public async Task What_breaks_the_protocol_closes_the_socket_and_says_why()
    {
        using (var large = await TestSocket.Open(app))
        {
            await large.Send($"\"{new string('x', app.Node.Options.MaxCommandBytes + (16 << 10))}\"");
            await large.ToEnd();
            Assert.Equal(WebSocketCloseStatus.MessageTooBig, large.CloseStatus);
            Assert.Contains("at most", large.CloseReason, StringComparison.Ordinal);
        }

        using (var binary = await TestSocket.Open(app))
        {
            await binary.SendRaw("{}"u8.ToArray(), WebSocketMessageType.Binary);
            await binary.ToEnd();
            Assert.Equal(WebSocketCloseStatus.InvalidMessageType, binary.CloseStatus);
        }

        using var latin = await TestSocket.Open(app);
        await latin.SendRaw(Encoding.Latin1.GetBytes("\"é\""));
        try
        {
            await latin.ToEnd();
            Assert.Equal(WebSocketCloseStatus.InvalidPayloadData, latin.CloseStatus);
        }
        catch (WebSocketException)
        {
            // The platform says 1007 and drops the connection at once, so that it may be gone before the client has read that.
        }
    }

    [Fact]
    public async Task A_large_message_within_the_limit_is_read_whole()
    {
        using var socket = await TestSocket.Open(app);
        var note = new string('x', app.Node.Options.MaxCommandBytes - 100);
        Assert.Equal(200, (await socket.Command("/orders/1/notes", new Note(note))).GetProperty("status").GetInt32());
        await Problem(socket.Refused("/orders/1/notes", new Note(note + new string('x', 200))), HasProblem, 413, "too-large");
    }

    [Fact]
    public async Task An_unreadable_event_ends_its_subscription_and_no_other()
    {
        await Open("1");
        using var socket = await TestSocket.Open(app);
        await socket.Subscribe("a", "order-events", "start");
        await socket.Subscribe("b", "order-events/2");
        await socket.NextEvents(1);
        var unknown = new StreamAppend(new StreamId("order", "1"), ExpectedVersion.Any, [new EventData(Guid.CreateVersion7(), "order-secretly-renamed", "{}"u8.ToArray())]);
        await app.Node.Log.Append([unknown], TestContext.Current.CancellationToken);

        var (method, told) = await socket.NextEvent();
        Assert.Equal(("problem", "a"), (method, told.GetProperty("subscription").GetString()));
        Assert.Equal("unreadable-event", told.GetProperty("problem").GetProperty("code").GetString());
        Assert.InRange(told.GetProperty("retryAfter").GetInt32(), 30, 60);
        await Problem(socket.Error("unsubscribe", new JsonObject { ["subscription"] = "a" }), HasProblem, 404, "not-found");
        await Open("2");
        Assert.True(Is((await socket.NextEvents(1))[0], "b", "order-opened"));
    }

    [Fact]
    public async Task Messages_are_published_and_followed_on_a_socket()
    {
        await app.DisposeAsync();
        app = await OrdersApp.Start(headwater => headwater.AddTopic("chat", topic => topic
            .AllowAnonymous().AllowPublish((who, _) => ValueTask.FromResult(who.By is "ann" or "a b"))));
        using var socket = await TestSocket.Open(app);
        await socket.Result("subscribe", Feeds("room", "chat/room 1", "order-events"));
        await socket.Result("publish", new JsonObject { ["topic"] = "chat/room 1", ["event"] = "said", ["data"] = new JsonObject { ["text"] = "hi" }, ["by"] = "a b" });
        var (_, said) = await socket.NextEvent();
        Assert.Equal(("said", """{"text":"hi"}"""), (Name(said), said.GetProperty("data").GetRawText()));

        await Problem(socket.Error("publish", new JsonObject { ["topic"] = "chat/room 1", ["event"] = "said", ["data"] = 1, ["by"] = "bob" }), HasProblem, 401, "unauthorized");
        await Problem(socket.Error("publish", new JsonObject { ["topic"] = "nothing", ["event"] = "said", ["data"] = 1 }), HasProblem, 404, "not-found");
        await Problem(socket.Error("publish", new JsonObject { ["topic"] = "chat", ["event"] = "No Name", ["by"] = "ann", ["data"] = 1 }), HasProblem, 400, "bad-parameter");
        await Problem(socket.Error("command", new JsonObject { ["path"] = "/topics/chat", ["body"] = 1 }), HasProblem, 404, "not-found");

        // What a topic no longer has costs only the place in it.
        var (other, cursor) = (await TestSocket.Open(app), socket.Cursors["room"]);
        var part = cursor.LastIndexOf('~');
        await other.Subscribe("room", "chat/room1 order-events", $"{cursor[..part]}~{TopicRings.CursorPart}.7.1");
        var (method, reset) = await other.NextEvent();
        Assert.Equal(("reset", "restarted"), (method, reset.GetProperty("reason").GetString()));
        Assert.Equal("chat/room1", reset.GetProperty("feeds")[0].GetString());
        other.Dispose();
    }

    [Fact]
    public async Task Sockets_are_counted_while_they_are_open()
    {
        using (var socket = await TestSocket.Open(app))
        {
            await socket.Subscribe("a", "orders");
            Assert.Equal(1, await OpenConnections());
            await socket.Close();
            Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
        }

        await Until(async () => await OpenConnections() == 0);

        // A client that goes without a word is gone too.
        using (var socket = await TestSocket.Open(app))
            await socket.Subscribe("a", "orders");
        await Until(async () => await OpenConnections() == 0);
    }

    private Task<HttpResponseMessage> Open(string order) => app.Post($"/orders/{order}/open", new Open("ann"));

    private Task<HttpResponseMessage> Add(string order, int number) => app.Post($"/orders/{order}/items", new AddItem($"tea {number}", 1));

    private static JsonObject Feeds(string name, params string[] feeds) =>
        new() { ["subscription"] = name, ["feeds"] = new JsonArray([.. feeds.Select(feed => (JsonNode)feed)]) };

    internal static async Task Problem(Task<(int Code, JsonElement Problem)> answer, int code, int status, string type)
    {
        var (actual, problem) = await answer;
        Assert.Equal(
            (code, status, $"urn:headwater:problem:{type}"),
            (actual, problem.GetProperty("status").GetInt32(), problem.GetProperty("type").GetString()!));
    }

    private static bool Is(JsonElement happened, string subscription, string name) =>
        happened.GetProperty("subscription").GetString() == subscription && Name(happened) == name;

    private static string Name(JsonElement happened) => happened.GetProperty("event").GetString()!;

    private async Task<int> OpenConnections()
    {
        using var health = JsonDocument.Parse(await app.Client.GetStringAsync("/health/detail"));
        return health.RootElement.GetProperty("feedConnections").GetInt32();
    }
}
