using System.Text.Json;

namespace Headwater.AspNetCore.Tests;

/// <summary>One cursor on every transport: a client may change from any to any other in the middle.</summary>
public sealed class TransportTests
{
    private const int Events = 400;

    /// <summary>While events are appended, at each reconnect the next transport is drawn, and how much is taken from it.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_client_that_changes_between_transports_sees_each_event_once_and_in_order(int seed)
    {
        await using var app = await OrdersApp.Start();
        var appending = Append(app);
        var random = new Random(seed);
        var (seen, cursor, used) = (new List<int>(), "start", new HashSet<int>());
        while (seen.Count < Events)
        {
            var (transport, count) = (random.Next(3), Math.Min(random.Next(1, 20), Events - seen.Count));
            used.Add(transport);
            cursor = transport switch
            {
                0 => await Stream(app, cursor, count, seen),
                1 => await Socket(app, cursor, count, seen, hasReadAhead: random.Next(2) == 0),
                _ => await Page(app, cursor, count, seen),
            };
        }

        await appending;
        Assert.Equal(3, used.Count);
        Assert.Equal(Enumerable.Range(0, Events), seen);
    }

    private static async Task Append(OrdersApp app)
    {
        for (var i = 0; i < Events;)
        {
            var batch = Enumerable.Range(i, Math.Min(1 + i % 5, Events - i)).Select(count => new OrderEvent.ItemAdded("tea", count)).ToList();
            await app.Node.Log.Append(new StreamId("order", "1"), ExpectedVersion.Any, batch);

            // An event without a contract moves the cursor and is not seen.
            await app.Node.Log.Append(new StreamId("order", "1"), ExpectedVersion.Any, [new OrderEvent.Noted("not for the world")]);
            i += batch.Count;
            await Task.Yield();
        }
    }

    private static async Task<string> Stream(OrdersApp app, string cursor, int count, List<int> seen)
    {
        using var stream = await app.Follow($"/feeds/order-events?after={cursor}");
        seen.AddRange((await stream.NextEvents(count)).Select(block => Number(JsonDocument.Parse(block.Data!).RootElement)));
        return stream.LastEventId!;
    }

    private static async Task<string> Socket(OrdersApp app, string cursor, int count, List<int> seen, bool hasReadAhead)
    {
        using var socket = await TestSocket.Open(app);
        await socket.Subscribe("other", "orders");
        await socket.Subscribe("a", "order-events", cursor);
        for (var taken = 0; taken < count;)
        {
            var (method, told) = await socket.NextEvent();
            Assert.Equal("event", method);
            if (told.GetProperty("subscription").GetString() != "a")
                continue;
            seen.Add(Number(told.GetProperty("data")));
            taken++;
        }

        // Said goodbye or not, what was not read is not lost.
        cursor = socket.Cursors["a"];
        if (!hasReadAhead)
            await socket.Result("unsubscribe", new() { ["subscription"] = "a" });
        return cursor;
    }

    private static async Task<string> Page(OrdersApp app, string cursor, int count, List<int> seen)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, $"/feeds/order-events?after={cursor}&limit={count}");
        request.Headers.Add("Accept", "application/json");
        request.Headers.Add("Prefer", "wait=5");
        using var page = JsonDocument.Parse(await (await app.Client.SendAsync(request)).Content.ReadAsStringAsync());
        seen.AddRange(page.RootElement.GetProperty("events").EnumerateArray().Select(each => Number(each.GetProperty("data"))));
        return page.RootElement.GetProperty("cursor").GetString()!;
    }

    private static int Number(JsonElement data) => data.GetProperty("count").GetInt32();
}
