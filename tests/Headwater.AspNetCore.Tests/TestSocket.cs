using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Headwater.AspNetCore.Tests;

/// <summary>A client that speaks JSON-RPC over a WebSocket, and shows every message as it came.</summary>
internal sealed class TestSocket : IDisposable
{
    private readonly ClientWebSocket socket = new();
    private readonly Queue<JsonElement> notifications = new();
    private readonly byte[] buffer = new byte[256 << 10];
    private int lastId;

    public WebSocketCloseStatus? CloseStatus => socket.CloseStatus;

    public string? CloseReason => socket.CloseStatusDescription;

    /// <summary>The last cursor seen of each subscription, which is what a client would come back with.</summary>
    public Dictionary<string, string> Cursors { get; } = [];

    public static async Task<TestSocket> Open(OrdersApp app, params (string Name, string Value)[] headers)
    {
        var opened = new TestSocket();
        opened.socket.Options.AddSubProtocol("headwater.v1");
        foreach (var (name, value) in headers)
            opened.socket.Options.SetRequestHeader(name, value);
        await opened.socket.ConnectAsync(new UriBuilder(app.Client.BaseAddress!) { Scheme = "ws", Path = "/ws" }.Uri, Limit());
        return opened;
    }

    /// <summary>Asks, and waits for the answer. What is notified meanwhile is kept for <see cref="Next"/>.</summary>
    public async Task<JsonElement> Call(string method, JsonObject parameters)
    {
        var id = ++lastId;
        await Send(new JsonObject { ["jsonrpc"] = "2.0", ["id"] = id, ["method"] = method, ["params"] = parameters }.ToJsonString());
        while (true)
        {
            var message = await Receive() ?? throw new EndOfStreamException($"The socket was closed: {CloseStatus} {CloseReason}");
            if (!message.TryGetProperty("id", out var answered))
            {
                notifications.Enqueue(message);
                continue;
            }

            Assert.Equal(id, answered.GetInt32());
            return message;
        }
    }

    public async Task<JsonElement> Result(string method, JsonObject parameters)
    {
        var answer = await Call(method, parameters);
        return answer.TryGetProperty("result", out var result) ? result : throw new InvalidOperationException(answer.GetRawText());
    }

    /// <summary>The problem a request is answered with.</summary>
    public async Task<(int Code, JsonElement Problem)> Error(string method, JsonObject parameters)
    {
        var error = (await Call(method, parameters)).GetProperty("error");
        Assert.NotEqual("", error.GetProperty("message").GetString());
        return (error.GetProperty("code").GetInt32(), error.GetProperty("data"));
    }

    public async Task<JsonElement> Subscribe(string name, string feed, string? after = null)
    {
        var result = await Result("subscribe", new JsonObject { ["subscription"] = name, ["feeds"] = new JsonArray(feed.Split(' ').Select(each => (JsonNode)each).ToArray()), ["after"] = after });
        if (result.TryGetProperty("cursor", out var cursor))
            Cursors[name] = cursor.GetString()!;
        return result;
    }

    public Task<JsonElement> Command(string path, object? body, params (string Name, string Value)[] more) => Result("command", Parameters(path, body, more));

    public Task<(int Code, JsonElement Problem)> Refused(string path, object? body, params (string Name, string Value)[] more) => Error("command", Parameters(path, body, more));

    /// <summary>The next notification's method and parameters, or null once the server has closed.</summary>
    public async Task<(string Method, JsonElement Params)?> Next()
    {
        if (!notifications.TryDequeue(out var message))
        {
            if (await Receive() is not { } received)
                return null;
            message = received;
        }

        Assert.Equal("2.0", message.GetProperty("jsonrpc").GetString());
        Assert.False(message.TryGetProperty("id", out _), message.GetRawText());
        var parameters = message.GetProperty("params");
        if (parameters.TryGetProperty("subscription", out var name))
            foreach (var member in new[] { "id", "cursor" })
                if (parameters.TryGetProperty(member, out var cursor))
                    Cursors[name.GetString()!] = cursor.GetString()!;
        return (message.GetProperty("method").GetString()!, parameters);
    }

    /// <summary>The next notification that is no heartbeat.</summary>
    public async Task<(string Method, JsonElement Params)> NextEvent()
    {
        var since = Stopwatch.StartNew();
        while (true)
        {
            if (since.Elapsed > TimeSpan.FromSeconds(20))
                throw new TimeoutException("There were only heartbeats for 20 s.");
            var next = await Next() ?? throw new EndOfStreamException($"The socket was closed: {CloseStatus} {CloseReason}");
            if (next.Method != "cursor")
                return next;
        }
    }

    public async Task<List<JsonElement>> NextEvents(int count)
    {
        var events = new List<JsonElement>();
        while (events.Count < count)
        {
            var (method, parameters) = await NextEvent();
            Assert.Equal("event", method);
            events.Add(parameters);
        }

        return events;
    }

    public async Task ToEnd()
    {
        while (await Next() is not null)
        {
        }
    }

    public Task Send(string text) => SendRaw(Encoding.UTF8.GetBytes(text));

    public Task SendRaw(byte[] bytes, WebSocketMessageType type = WebSocketMessageType.Text) => socket.SendAsync(bytes, type, true, Limit());

    /// <summary>The next message, or null once the server has closed; then the client has said goodbye too.</summary>
    public async Task<JsonElement?> Receive()
    {
        var length = 0;
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(length), Limit());
            if (part.MessageType is WebSocketMessageType.Close)
            {
                if (socket.State is WebSocketState.CloseReceived)
                    await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, Limit());
                return null;
            }

            length += part.Count;
            if (part.EndOfMessage)
                return JsonSerializer.Deserialize<JsonElement>(buffer.AsSpan(0, length));
        }
    }

    public Task Close() => socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Limit());

    public void Dispose() => socket.Dispose();

    private static JsonObject Parameters(string path, object? body, (string Name, string Value)[] more)
    {
        var parameters = new JsonObject { ["path"] = path };
        if (body is not null)
            parameters["body"] = JsonSerializer.SerializeToNode(body, body.GetType(), JsonSerializerOptions.Web);
        foreach (var (name, value) in more)
            parameters[name] = value;
        return parameters;
    }

    private static CancellationToken Limit()
    {
        var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        return limit.Token;
    }
}
