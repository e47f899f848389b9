using System.Collections.Concurrent;
using System.Text.Json;

namespace Headwater.EndToEnd;

/// <summary>What a cache in front of the server answers in its stead.</summary>
public sealed class CacheTests
{
    private const int Readers = 1_000;
    private const int AtATime = 64;
    private const int Events = 550;
    private const int Limit = 100;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_thousand_who_catch_up_cost_the_server_each_page_below_the_head_once()
    {
        await using var server = await DeparturesServer.Start();
        await using var nginx = await Nginx.Start([server.Address]);
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = AtATime }) { BaseAddress = nginx.Address };
        var remarks = new Remarks(http, flights: 1);
        await remarks.Schedule(Cancel);
        await remarks.Write(Events - 1, writers: 8, Cancel);
        var all = await ReadToEnd(http, "X-Nobody");
        Assert.Equal(Events, all.Positions.Count);

        var outcomes = new ConcurrentDictionary<string, int>();
        await Parallel.ForEachAsync(Enumerable.Range(0, Readers), new ParallelOptions { MaxDegreeOfParallelism = AtATime, CancellationToken = Cancel }, async (_, _) =>
        {
            var reader = await ReadToEnd(http, "X-Cache");
            Assert.Equal(all.Positions, reader.Positions);
            foreach (var outcome in reader.Outcomes)
                outcomes.AddOrUpdate(outcome, 1, (_, count) => count + 1);
        });

        // The last page is the one at the head: it is asked for anew each time.
        var pages = Events / Limit;
        Assert.InRange(outcomes.GetValueOrDefault("HIT"), Readers * pages - 2 * pages, Readers * pages);
        Assert.Equal(Readers * (pages + 1), outcomes.Values.Sum());
    }

    [Fact]
    public async Task A_stream_passes_the_cache_at_once_and_a_client_that_waits_holds_up_nobody()
    {
        await using var server = await DeparturesServer.Start();
        await using var nginx = await Nginx.Start([server.Address]);
        using var http = new HttpClient { BaseAddress = nginx.Address };
        using var stream = await http.GetAsync("/feeds/flights", HttpCompletionOption.ResponseHeadersRead, Cancel);
        var blocks = new BlockReader(await stream.Content.ReadAsStreamAsync(Cancel));
        using var first = await Get(http, "/feeds/flights");
        var next = Next(first);
        var waiting = Enumerable.Range(0, 5).Select(_ => Get(http, next, "wait=25")).ToList();
        await new Remarks(http, flights: 1).Schedule(Cancel);

        // A lock on their common address would hold up the second of them for 5 s, and the third for as long again.
        foreach (var answer in await Task.WhenAll(waiting).WaitAsync(TimeSpan.FromSeconds(4.5), Cancel))
            using (answer)
            using (var page = await JsonDocument.ParseAsync(await answer.Content.ReadAsStreamAsync(Cancel), cancellationToken: Cancel))
                Assert.Equal(1, page.RootElement.GetProperty("events").GetArrayLength());
        ReadOnlyMemory<byte> block;
        do
            block = await blocks.Next(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(4.5), Cancel);
        while (BlockReader.Field(block.Span, "data: "u8).IsEmpty);
    }

    private static async Task<(List<int> Positions, List<string> Outcomes)> ReadToEnd(HttpClient http, string header)
    {
        var (positions, outcomes) = (new List<int>(), new List<string>());
        for (var path = $"/feeds/flights?after=start&limit={Limit}"; ;)
        {
            using var response = await Get(http, path);
            outcomes.AddRange(response.Headers.TryGetValues(header, out var outcome) ? outcome : []);
            using var page = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(Cancel), cancellationToken: Cancel);
            var events = page.RootElement.GetProperty("events").EnumerateArray().ToList();
            positions.AddRange(events.Select(each => BlockReader.PositionOf(System.Text.Encoding.ASCII.GetBytes(each.GetProperty("id").GetString()!))));
            if (events.Count < Limit)
                return (positions, outcomes);
            path = Next(response);
        }
    }

    private static async Task<HttpResponseMessage> Get(HttpClient http, string path, string? prefer = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { "Accept", "application/json" } } };
        if (prefer is not null)
            request.Headers.Add("Prefer", prefer);
        return (await http.SendAsync(request, Cancel)).EnsureSuccessStatusCode();
    }

    private static string Next(HttpResponseMessage response)
    {
        var link = response.Headers.GetValues("Link").Single();
        return link[1..link.IndexOf('>', StringComparison.Ordinal)];
    }
}
