using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.AspNetCore.Tests;

/// <summary>How a connection is ended, bounded and helped through what stands on its way.</summary>
public sealed class MannersTests
{
    private static readonly StreamId order = new("order", "1");

    [Theory]
    [InlineData(60)]
    [InlineData(1)]
    public async Task A_connection_ends_at_its_age_and_its_client_goes_on_at_its_cursor(int minutes)
    {
        var age = TimeSpan.FromMinutes(minutes);
        var time = new WatchedTime();
        await using var app = await OrdersApp.Start(headwater =>
        {
            headwater.Services.AddSingleton<TimeProvider>(time);
            headwater.Configure(options => options.MaxConnectionAge = age);
        });
        using var feed = await app.Follow("/feeds/order-events?after=start");
        await app.Post("/orders/1/open", new Open("ann"));
        var opened = await feed.NextEvent();

        time.Advance(age * 0.89);
        await app.Post("/orders/1/items", new AddItem("tea", 1));
        Assert.Equal("item-added", (await feed.NextEvent()).Event);

        time.Advance(age * 0.11);
        var last = await ToEnd(feed);
        Assert.Contains(last, block => block.Comment == "this connection has reached its age");
        Assert.NotEqual(opened.Id, feed.LastEventId);
        Assert.Contains(time.Timers, due => due > age * 0.89 && due < age);

        using var again = await app.Follow("/feeds/order-events", feed.LastEventId);
        await app.Post("/orders/1/close", new Close());
        Assert.Equal("order-closed.v2", (await again.NextEvent()).Event);
    }

    [Fact]
    public async Task Without_an_age_a_connection_stays()
    {
        var time = new WatchedTime();
        await using var app = await OrdersApp.Start(headwater =>
        {
            headwater.Services.AddSingleton<TimeProvider>(time);
            headwater.Configure(options => (options.MaxConnectionAge, options.Heartbeat) = (TimeSpan.Zero, TimeSpan.FromHours(1)));
        });
        using var feed = await app.Follow("/feeds/order-events");
        while (feed.LastEventId is null)
            await feed.Next();
        time.Advance(TimeSpan.FromDays(100));
        await app.Post("/orders/1/open", new Open("ann"));
        Assert.Equal("order-opened", (await feed.NextEvent()).Event);
    }

    [Fact]
    public async Task Padding_comes_first_and_a_comment_follows_each_burst()
    {
        await using var app = await OrdersApp.Start();
        using var feed = await app.Follow("/feeds/order-events?padding=1");

        // The reader takes the blanks away; 2 kB of them are more than what the largest proxy known to wait for its first bytes holds.
        Assert.Equal("", (await feed.Next())!.Comment);
        Assert.Equal("connected", (await feed.Next())!.Comment);
        await app.Post("/orders/1/open", new Open("ann"));
        await feed.NextEvent();
        SseBlock? block;
        do
            block = await feed.Next();
        while (block!.Comment is null);
        Assert.Equal("", block.Comment);

        var raw = await app.Client.GetStreamAsync("/feeds/order-events?padding=1");
        var start = new byte[2051];
        await raw.ReadExactlyAsync(start);
        Assert.Equal(":" + new string(' ', 2048) + "\n\n", Encoding.ASCII.GetString(start));
    }

    /// <summary>A comment for everybody would be a second write for each delivery.</summary>
    [Fact]
    public async Task Who_does_not_ask_gets_no_comments()
    {
        await using var app = await OrdersApp.Start();
        using var feed = await app.Follow("/feeds/order-events");
        Assert.Equal("connected", (await feed.Next())!.Comment);
        await app.Post("/orders/1/open", new Open("ann"));
        await feed.NextEvent();
        for (var heartbeats = 0; heartbeats < 3; heartbeats++)
            Assert.Null((await feed.Next())!.Comment);
    }

    [Fact]
    public async Task Padding_that_is_not_understood_is_refused()
    {
        await using var app = await OrdersApp.Start();
        Assert.Equal(HttpStatusCode.BadRequest, (await app.Client.GetAsync("/feeds/order-events?padding=much", HttpCompletionOption.ResponseHeadersRead)).StatusCode);
    }

    [Theory]
    [InlineData("bounded", true)]
    [InlineData("order-events", false)]
    public async Task A_client_that_had_caught_up_and_falls_behind_is_let_go_only_where_the_feed_says_so(string name, bool isLetGo)
    {
        await using var app = await OrdersApp.Start(headwater => headwater.AddFeed("bounded", feed => feed
            .Events("order").MaxLag(1000).AllowAnonymous()
            .Contract<OrderEvent.ItemAdded, ItemAddedContract>("item-added", (e, happened) => new(happened.Stream.Key, e.Item, e.Count))));
        await Append(app, 1500);

        // Catching up is not falling behind.
        using var slow = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 64 << 10 };
        await slow.ConnectAsync(app.Client.BaseAddress!.Host, app.Client.BaseAddress.Port);
        await slow.SendAsync(Encoding.ASCII.GetBytes($"GET /feeds/{name}?after=start HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        using var reader = new StreamReader(new NetworkStream(slow));
        Assert.Equal(1500, (await Read(reader, 1500)).Received);

        // The cursor comes with the last event, and once more with the heartbeat of a connection that has caught up.
        for (var times = 0; times < 2; times++)
            await ReadUntil(reader, line => line.EndsWith($".{app.Node.Tail.Position}", StringComparison.Ordinal));
        await Append(app, 4000);
        var (received, goodbye, cursor) = await Read(reader, 4000);
        Assert.Equal(isLetGo ? ": too far behind" : null, goodbye);
        if (!isLetGo)
        {
            Assert.Equal(4000, received);
            return;
        }

        Assert.InRange(received, 1, 3000);
        using var again = await app.Follow($"/feeds/{name}", cursor);
        Assert.Equal(4000 - received, (await again.NextEvents(4000 - received)).Count);
    }

    private static async Task Append(OrdersApp app, int count)
    {
        var note = new string('x', 8000);
        for (var i = 0; i < count; i += 100)
            await app.Node.Log.Append(order, ExpectedVersion.Any, Enumerable.Range(0, 100).Select(_ => new OrderEvent.ItemAdded(note, 1)));
    }

    private static async Task<(int Received, string? Goodbye, string? Cursor)> Read(StreamReader reader, int count)
    {
        var (received, goodbye, cursor) = (0, (string?)null, (string?)null);
        while (goodbye is null && received < count || goodbye is not null && cursor is null)
        {
            var line = await Line(reader);
            if (line.StartsWith("event: item-added", StringComparison.Ordinal))
                received++;
            else if (line.StartsWith(": too", StringComparison.Ordinal))
                goodbye = line;
            else if (line.StartsWith("id: ", StringComparison.Ordinal) && goodbye is not null)
                cursor = line[4..];
        }

        return (received, goodbye, cursor);
    }

    private static async Task ReadUntil(StreamReader reader, Func<string, bool> isIt)
    {
        while (!isIt(await Line(reader)))
        {
        }
    }

    private static async Task<string> Line(StreamReader reader)
    {
        using var timeUp = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return await reader.ReadLineAsync(timeUp.Token) ?? throw new EndOfStreamException("The stream ended.");
    }

    private static async Task<List<SseBlock>> ToEnd(SseStream feed)
    {
        var blocks = new List<SseBlock>();
        while (await feed.Next() is { } block)
            blocks.Add(block);
        return blocks;
    }
}
