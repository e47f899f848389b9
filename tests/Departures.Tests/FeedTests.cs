namespace Departures.Tests;

public sealed class FeedTests : IAsyncLifetime
{
    private Server server = null!;

    public async ValueTask InitializeAsync()
    {
        server = await Server.Start();
        await server.Schedule("DL1");
        await server.Post("/flights/DL1/gate", """{"gate":"B1"}""");
        await server.Post("/flights/DL1/delay", """{"minutes":20}""");
        await server.Schedule("DL2", "BOS");
        await server.Post("/flights/DL1/remarks", """{"text":"Hello"}""");
        await server.Post("/flights/DL1/depart");
        await server.Post("/flights/DL1/arrive");
        await server.Post("/flights/DL2/cancel", """{"reason":"Fog"}""");
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Fact]
    public async Task Events_leave_under_their_contracts()
    {
        using var feed = await server.Follow("/feeds/flights?after=start");
        Assert.Equal(
            [
                """scheduled {"flight":"DL1","origin":"ATL","destination":"JFK","scheduled":"2001-02-03T10:00:00+00:00","distance":460}""",
                """gate-changed {"flight":"DL1","gate":"B1"}""",
                """delayed {"flight":"DL1","minutes":20}""",
                """scheduled {"flight":"DL2","origin":"BOS","destination":"JFK","scheduled":"2001-02-03T10:00:00+00:00","distance":460}""",
                """remarked {"flight":"DL1","text":"Hello"}""",
                """departed {"flight":"DL1","at":"2001-02-03T10:20:00+00:00"}""",
                """arrived {"flight":"DL1","at":"2001-02-03T11:50:00+00:00"}""",
                """cancelled {"flight":"DL2","reason":"Fog"}""",
            ],
            (await feed.NextEvents(8)).Select(block => $"{block.Event} {block.Data}"));
    }

    [Theory]
    [InlineData("/feeds/flights/DL1", "scheduled gate-changed delayed remarked departed arrived")]
    [InlineData("/feeds/flights/DL2", "scheduled cancelled")]
    [InlineData("/feeds/airport-events/BOS", "scheduled cancelled")]
    [InlineData("/feeds/airport-events/ATL", "scheduled gate-changed delayed remarked departed arrived")]
    public async Task A_feed_is_followed_by_flight_and_by_airport(string path, string events)
    {
        using var feed = await server.Follow($"{path}?after=start");
        var expected = events.Split(' ');
        Assert.Equal(expected, (await feed.NextEvents(expected.Length)).Select(block => block.Event));

        // And the next is one that happens now.
        await server.Post($"/flights/{(path.Contains("DL2", StringComparison.Ordinal) || path.EndsWith("BOS", StringComparison.Ordinal) ? "DL2" : "DL1")}/remarks", """{"text":"Now"}""");
        Assert.Contains("Now", (await feed.NextEvent()).Data, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_are_followed_too()
    {
        using (var one = await server.Follow("/feeds/board/DL2?after=start"))
        {
            var block = await one.NextEvent();
            Assert.Equal("board-row", block.Event);
            Assert.StartsWith("""{"key":"DL2","row":{"flight":"DL2","airport":"BOS",""", block.Data, StringComparison.Ordinal);
        }

        using var both = await server.Follow("/feeds?feed=board&feed=airports&after=start");
        var seen = new HashSet<string>();
        while (!seen.IsSupersetOf(["board-row DL1", "board-row DL2", "airport-row ATL", "airport-row BOS"]))
        {
            var block = await both.NextEvent();
            seen.Add($"{block.Event} {System.Text.Json.JsonDocument.Parse(block.Data!).RootElement.Text("key")}");
        }
    }
}
