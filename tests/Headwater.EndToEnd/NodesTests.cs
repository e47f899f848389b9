using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Headwater.EndToEnd;

/// <summary>That it does not matter which of several nodes one talks to.</summary>
public sealed class NodesTests(Cluster cluster) : IClassFixture<Cluster>
{
    [Fact]
    public async Task A_cursor_taken_at_one_node_goes_on_at_the_others()
    {
        const int Events = 600;
        using var timeUp = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        using var writers = Client(0);
        var remarks = new Remarks(writers, flights: 10);
        await remarks.Schedule(timeUp.Token);
        var writing = remarks.Write(Events, writers: 8, timeUp.Token);

        // Each page of a few events is read at another node than the one before.
        var (seen, cursor) = (new List<string>(), (string?)null);
        for (var turn = 1; seen.Count < Events; turn++)
        {
            using var http = Client(turn % cluster.Servers.Count);
            using var request = new HttpRequestMessage(HttpMethod.Get, "/feeds/flights?after=start");
            if (cursor is not null)
                request.Headers.Add("Last-Event-ID", cursor);
            using var feed = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeUp.Token);
            var blocks = new BlockReader(await feed.Content.ReadAsStreamAsync(timeUp.Token));
            for (var page = 0; page < 20 && seen.Count < Events;)
            {
                var block = (await blocks.Next(timeUp.Token)).ToArray();
                var name = Encoding.UTF8.GetString(BlockReader.Field(block, "event: "u8));
                Assert.NotEqual("reset", name);
                if (BlockReader.Field(block, "id: "u8) is { IsEmpty: false } id)
                    cursor = Encoding.UTF8.GetString(id);
                if (name.Length == 0)
                    continue;
                page++;
                var text = Encoding.UTF8.GetString(block);
                if (text.Contains('#', StringComparison.Ordinal))
                    seen.Add(text.Split('#')[1]);
            }
        }

        await writing;
        Assert.Equal(Enumerable.Range(1, Events).Select(number => $"{number}").Order(), seen.Order());
    }

    [Fact]
    public async Task What_is_written_at_one_node_is_read_at_another()
    {
        using var one = Client(0);
        using var other = Client(1);
        await Send(one, "/flights/W1/schedule", new { origin = "ATL", destination = "BOS", scheduled = "2001-01-01T08:00:00Z", distance = 946 });
        for (var i = 0; i < 100; i++)
        {
            var cursor = await Send(i % 2 == 0 ? one : other, "/flights/W1/gate", new { gate = $"G{i}" });
            using var request = new HttpRequestMessage(HttpMethod.Get, "/board/W1");
            request.Headers.Add("Headwater-At-Least", cursor);
            request.Headers.Add("Prefer", "wait=10");
            using var response = await (i % 2 == 0 ? other : one).SendAsync(request);
            Assert.False(response.Headers.Contains("Headwater-Stale"));
            Assert.Equal($"G{i}", (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("gate").GetString());
        }
    }

    [Fact]
    public async Task Nginx_passes_a_dead_node_over()
    {
        using var http = new HttpClient { BaseAddress = cluster.Address };
        await cluster.Servers[2].Kill();
        for (var i = 0; i < 20; i++)
            Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/health")).StatusCode);
        await cluster.Servers[2].StartAgain();
    }

    private HttpClient Client(int node) => new() { BaseAddress = cluster.Servers[node].Address };

    private static async Task<string> Send<T>(HttpClient http, string path, T body)
    {
        using var response = await http.PostAsJsonAsync(path, body);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        return response.Headers.GetValues("Headwater-Cursor").Single();
    }
}
