using System.Globalization;
using System.Net;

namespace Departures.Tests;

public sealed class QueryTests : IAsyncLifetime
{
    private Server server = null!;

    public async ValueTask InitializeAsync() => server = await Server.Start();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Fact]
    public async Task A_flight_is_shown_as_it_was_at_a_cursor_or_an_instant()
    {
        await server.Schedule("DL1");
        using var first = await server.Post("/flights/DL1/gate", """{"gate":"B1"}""");
        var cursor = first.Header("Headwater-Cursor");
        var instant = DateTimeOffset.UtcNow;
        while (DateTimeOffset.UtcNow <= instant)
        {
        }

        await server.Post("/flights/DL1/gate", """{"gate":"C2"}""");
        Assert.Equal("C2", (await server.Json("/flights/DL1")).Text("gate"));
        Assert.Equal("B1", (await server.Json($"/flights/DL1?at={cursor}")).Text("gate"));
        Assert.Equal("B1", (await server.Json($"/flights/DL1?at={Uri.EscapeDataString(instant.ToString("O", CultureInfo.InvariantCulture))}")).Text("gate"));

        using var before = await server.Client.GetAsync("/flights/DL1?at=2001-01-01T00:00:00Z");
        Assert.Equal(HttpStatusCode.NotFound, before.StatusCode);
        using var nonsense = await server.Client.GetAsync("/flights/DL1?at=yesterday");
        Assert.Equal(HttpStatusCode.BadRequest, nonsense.StatusCode);
    }

    [Fact]
    public async Task An_unknown_flight_is_not_found()
    {
        foreach (var path in new[] { "/flights/XX1", "/board/XX1", "/airports/XXX" })
        {
            using var response = await server.Client.GetAsync(path);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        }
    }

    [Fact]
    public async Task What_was_written_is_read()
    {
        for (var i = 1; i <= 50; i++)
        {
            using var written = await server.Schedule($"DL{i:D2}", i % 2 == 0 ? "ATL" : "BOS");
            using var rows = await Get(i % 2 == 0 ? "/board?airport=ATL" : "/board?airport=BOS", written);
            Assert.Equal($"DL{i:D2}", (await rows.Json()).EnumerateArray().Last().Text("flight"));
            using var row = await Get($"/board/DL{i:D2}", written);
            Assert.Equal(1, (await row.Json()).Number("version"));
        }
    }

    [Fact]
    public async Task The_board_shows_what_the_flight_is()
    {
        await server.Schedule("DL1");
        foreach (var (path, body) in new[]
        {
            ("gate", """{"gate":"B12"}"""), ("delay", """{"minutes":25}"""), ("delay", """{"minutes":-2}"""), ("remarks", """{"text":"Hello"}"""),
            ("depart", null), ("arrive", null),
        })
            await Same(await server.Post($"/flights/DL1/{path}", body), "DL1");
        await server.Schedule("DL2");
        await Same(await server.Post("/flights/DL2/cancel", """{"reason":"Fog"}"""), "DL2");

        async Task Same(HttpResponseMessage written, string flight)
        {
            using var board = await Get($"/board/{flight}", written);
            var (state, row) = (await written.Json(), await board.Json());
            foreach (var field in state.EnumerateObject().Where(field => field.Name != "origin"))
                Assert.Equal(field.Value.ToString(), row.GetProperty(field.Name).ToString());
            Assert.Equal(state.Text("origin"), row.Text("airport"));
            Assert.Equal(flight, row.Text("flight"));
            Assert.Equal(written.Headers.ETag!.Tag, $"\"{row.Number("version")}\"");
        }
    }

    [Fact]
    public async Task The_board_is_asked_by_its_indexed_fields_only()
    {
        await server.Schedule("DL1");
        using var cancelled = await server.Post("/flights/DL1/cancel", """{"reason":"Fog"}""");
        await server.Schedule("DL2", destination: "LAX");
        using var last = await server.Schedule("DL3", "BOS");
        foreach (var (query, flights) in new[]
        {
            ("?airport=ATL", "DL1 DL2"), ("?destination=JFK", "DL1 DL3"), ("?status=cancelled", "DL1"), ("?airport=ATL&destination=LAX", "DL2"), ("?airport=XXX", ""),
        })
        {
            using var rows = await Get($"/board{query}", last);
            Assert.Equal(flights, string.Join(' ', (await rows.Json()).EnumerateArray().Select(row => row.Text("flight"))));
        }

        using var unknown = await server.Client.GetAsync("/board?gate=B1");
        Assert.Equal(HttpStatusCode.BadRequest, unknown.StatusCode);
    }

    [Fact]
    public async Task Airports_count_what_departs_and_what_is_cancelled()
    {
        foreach (var (flight, delay) in new[] { ("DL1", 14), ("DL2", 15), ("DL3", -10) })
        {
            await server.Schedule(flight);
            await server.Post($"/flights/{flight}/delay", $$"""{"minutes":{{delay}}}""");
            await server.Post($"/flights/{flight}/depart");
        }

        await server.Schedule("DL4");
        using var last = await server.Post("/flights/DL4/cancel", """{"reason":"Fog"}""");
        using var atlanta = await Get("/airports/ATL", last);
        Assert.Equal("""{"airport":"ATL","departures":3,"delayed":1,"cancelled":1,"totalDelay":19}""", await atlanta.Content.ReadAsStringAsync());
        using var all = await Get("/airports?limit=1000", last);
        Assert.Equal(1, (await all.Json()).GetArrayLength());
    }

    [Fact]
    public async Task The_page_the_places_the_clock_and_health_are_there()
    {
        using var page = await server.Client.GetAsync("/");
        Assert.Equal("text/html", page.Content.Headers.ContentType!.MediaType);
        var places = await server.Json("/airports.json");
        Assert.Equal(224, places.EnumerateObject().Count());
        Assert.Equal("Atlanta", places.GetProperty("ATL").Text("city"));
        Assert.Equal("""{"now":"2001-01-01T05:30:00+00:00","minutesPerSecond":0}""", await server.Client.GetStringAsync("/clock"));
        Assert.Equal("ready", (await server.Json("/health")).Text("status"));
        Assert.Equal(["board", "airports"], (await server.Json("/health/detail")).GetProperty("projections").EnumerateArray().Select(each => each.Text("name")));
    }

    private Task<HttpResponseMessage> Get(string path, HttpResponseMessage atLeast)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Headwater-At-Least", atLeast.Header("Headwater-Cursor"));
        return server.Client.SendAsync(request);
    }
}
