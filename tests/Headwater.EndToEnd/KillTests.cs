using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Headwater.EndToEnd;

/// <summary>What one client sees of a kill -9.</summary>
public sealed class KillTests
{
    [Fact]
    public async Task Acknowledged_commands_are_there_and_a_retry_across_the_kill_gets_the_first_answer()
    {
        await using var server = await DeparturesServer.Start();
        using var http = new HttpClient { BaseAddress = server.Address };
        using var scheduled = await Send(http, "/flights/K1/schedule",
            new { origin = "ATL", destination = "BOS", scheduled = "2001-01-01T08:00:00Z", distance = 946 }, "k-schedule");
        using var first = await Send(http, "/flights/K1/gate", new { gate = "A1" }, "k-gate");
        using var refused = await Send(http, "/flights/K1/arrive", new { }, "k-arrive");
        Assert.Equal(System.Net.HttpStatusCode.Conflict, refused.StatusCode);
        await server.Kill();
        await server.StartAgain();

        using var retry = await Send(http, "/flights/K1/gate", new { gate = "A1" }, "k-gate");
        Assert.Equal(first.Headers.ETag, retry.Headers.ETag);
        Assert.Equal(first.Headers.GetValues("Headwater-Cursor"), retry.Headers.GetValues("Headwater-Cursor"));
        Assert.Equal(await first.Content.ReadAsStringAsync(), await retry.Content.ReadAsStringAsync());
        using var refusedAgain = await Send(http, "/flights/K1/arrive", new { }, "k-arrive");
        Assert.Equal(System.Net.HttpStatusCode.Conflict, refusedAgain.StatusCode);

        using var state = await http.GetAsync("/flights/K1");
        Assert.Equal("\"2\"", state.Headers.ETag!.Tag);
        Assert.Equal("A1", (await state.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("gate").GetString());
    }

    [Fact]
    public async Task The_replay_goes_on_where_it_was()
    {
        await using var server = await DeparturesServer.Start(speed: 2000);
        using var http = new HttpClient { BaseAddress = server.Address };
        var before = await Head(http, atLeast: 200);
        await server.Kill();
        await server.StartAgain();
        Assert.True(await Head(http, atLeast: before + 200) >= before + 200);

        // Every step once: what happens to a flight happens to it one time only.
        var seen = new HashSet<string>();
        using var feed = await http.GetAsync("/feeds/flights?after=start", HttpCompletionOption.ResponseHeadersRead);
        var blocks = new BlockReader(await feed.Content.ReadAsStreamAsync());
        for (var position = 0; position < before + 200;)
        {
            var block = (await blocks.Next(CancellationToken.None)).ToArray();
            if (BlockReader.Field(block, "event: "u8) is not { IsEmpty: false } name)
                continue;
            var flight = JsonDocument.Parse(BlockReader.Field(block, "data: "u8).ToArray()).RootElement.GetProperty("flight").GetString();
            var what = Encoding.UTF8.GetString(name);
            Assert.True(seen.Add($"{flight} {what}"), $"{flight} was {what} twice.");
            position = BlockReader.PositionOf(BlockReader.Field(block, "id: "u8));
        }
    }

    private static async Task<long> Head(HttpClient http, long atLeast)
    {
        using var timeUp = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (true)
        {
            var head = (await http.GetFromJsonAsync<JsonElement>("/health/detail", timeUp.Token)).GetProperty("head").GetInt64();
            if (head >= atLeast)
                return head;
            await pause.WaitForNextTickAsync(timeUp.Token);
        }
    }

    private static async Task<HttpResponseMessage> Send<T>(HttpClient http, string path, T body, string idempotencyKey)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
        request.Headers.Add("Idempotency-Key", $"\"{idempotencyKey}\"");
        return await http.SendAsync(request);
    }
}
