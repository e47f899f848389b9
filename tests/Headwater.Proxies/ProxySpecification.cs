using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Headwater.AspNetCore.Tests;

namespace Headwater.Proxies;

/// <summary>What must hold behind every proxy that has a configuration in docs/deploy.</summary>
public abstract class ProxySpecification
{
    private static readonly TimeSpan never = TimeSpan.FromHours(1);
    private static readonly TimeSpan limit = TimeSpan.FromSeconds(20);

    public static TheoryData<int> Versions => [1, 2];

    /// <summary>Writes the configuration into the site's folder.</summary>
    /// <returns>The command that runs the proxy in the foreground.</returns>
    private protected abstract string[] Prepare(Site site);

    /// <summary>No heartbeat pushes them out.</summary>
    [Theory]
    [MemberData(nameof(Versions))]
    public async Task The_first_bytes_come_at_once(int version)
    {
        await using var app = await Origin(never);
        await using var proxy = await Start(app, out var site);
        using var http = site.Client(Version(version));
        using var feed = await SseStream.Open(http, "/feeds/order-events", null).WaitAsync(limit);
        Assert.Equal(version, feed.Response.Version.Major);
        Assert.Equal("connected", (await feed.Next())!.Comment);
        while (feed.LastEventId is null)
            Assert.NotNull(await feed.Next());
    }

    /// <summary>Neither a heartbeat nor the next event pushes one out.</summary>
    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Events_are_not_held_back(int version)
    {
        await using var app = await Origin(never);
        await using var proxy = await Start(app, out var site);
        using var http = site.Client(Version(version));
        using (var feed = await SseStream.Open(http, "/feeds/order-events?after=start", null).WaitAsync(limit))
            for (var item = 1; item <= 5; item++)
            {
                await AddItem(app, item);
                Assert.Equal(item, Item(await feed.NextEvent()));
            }

        var verdict = await Probe.Run(http);
        Assert.True(verdict.Findings is ProbeFindings.Fine, verdict.Explanation);
    }

    [Fact]
    public async Task The_heartbeat_outlives_the_idle_limit()
    {
        await using var app = await Origin(TimeSpan.FromMilliseconds(500));
        await using var proxy = await Start(app, out var site, idleSeconds: 2);
        using var http = site.Client(HttpVersion.Version20);
        using var feed = await SseStream.Open(http, "/feeds/order-events", null).WaitAsync(limit);
        for (var heartbeats = 0; heartbeats < 8;)
            heartbeats += (await feed.Next())!.Id is null ? 0 : 1;
        await AddItem(app, 1);
        Assert.Equal(1, Item(await feed.NextEvent()));
    }

    /// <summary>Or else the limit that the heartbeat outlives is none.</summary>
    [Fact]
    public async Task Without_a_heartbeat_the_idle_limit_ends_the_stream()
    {
        await using var app = await Origin(never);
        await using var proxy = await Start(app, out var site, idleSeconds: 2);
        using var http = site.Client(HttpVersion.Version20);
        using var feed = await SseStream.Open(http, "/feeds/order-events", null).WaitAsync(limit);
        try
        {
            while (await feed.Next() is not null)
            {
            }
        }
        catch (Exception e) when (e is HttpIOException or HttpRequestException or IOException)
        {
            // An end too, by a reset of the stream.
        }
    }

    [Fact]
    public async Task A_restart_of_the_proxy_loses_and_doubles_nothing()
    {
        await using var app = await Origin(TimeSpan.FromMilliseconds(500));
        await using var proxy = await Start(app, out var site);
        using var http = site.Client(HttpVersion.Version20);
        using var end = new CancellationTokenSource(limit);
        var received = new BlockingCollection<int>();
        var following = Follow(http, received, end.Token);
        await AddItems(app, 1, 20);
        var items = Take(received, 20, end.Token);

        await proxy.Stop();
        await AddItems(app, 21, 40);
        await proxy.Start();
        await AddItems(app, 41, 60);
        items.AddRange(Take(received, 40, end.Token));

        Assert.Equal(Enumerable.Range(1, 60), items);
        await end.CancelAsync();
        await following;
        Assert.Empty(received);
    }

    [Fact]
    public async Task A_client_that_polls_is_held_until_there_is_something()
    {
        await using var app = await Origin(never);
        await using var proxy = await Start(app, out var site);
        using var http = site.Client(HttpVersion.Version20);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/feeds/order-events?after=start")
        {
            Headers = { { "Accept", "application/json" }, { "Prefer", "wait=20" } },
        };
        var waiting = http.SendAsync(request);
        await AddItem(app, 1);
        using var response = await waiting.WaitAsync(limit);
        var page = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(1, page.GetProperty("events").GetArrayLength());
    }

    [Fact]
    public async Task A_WebSocket_gets_through()
    {
        await using var app = await EchoApp.Start();
        await using var proxy = await Start(new Uri(app.Urls.Single()), out var site);
        using var socket = await site.Connect(EchoApp.Path).WaitAsync(limit);
        using var timeUp = new CancellationTokenSource(limit);
        var buffer = new byte[1024];
        foreach (var word in new[] { "tea", "cake" })
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes(word), WebSocketMessageType.Text, endOfMessage: true, timeUp.Token);
            var said = await socket.ReceiveAsync(buffer, timeUp.Token);
            Assert.Equal(word, Encoding.UTF8.GetString(buffer, 0, said.Count));
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, timeUp.Token);
    }

    /// <summary>In none of the spellings that the application takes for the same.</summary>
    [Fact]
    public async Task What_is_for_operators_stays_inside()
    {
        await using var app = await Origin(never);
        await using var proxy = await Start(app, out var site);
        using var http = site.Client(HttpVersion.Version20);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/health")).StatusCode);
        foreach (var path in new[] { "/health/detail", "/health/connections", "/Health/Detail", "/%68ealth/detail", "/feeds/../health/detail", "/health/./detail", "/health/%2e/detail" })
        {
            // As it stands here: no client's own tidying helps.
            var address = new Uri($"https://localhost:{site.Port}{path}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
            using var response = await http.GetAsync(address);
            Assert.True(response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.BadRequest, $"{path}: {response.StatusCode}");
        }
    }

    /// <summary>What the probe finds where somebody adds a line to the configuration.</summary>
    private protected async Task<ProbeFindings> FindingsWith(string addition, int version = 2)
    {
        await using var app = await Origin(never);
        await using var proxy = await Start(app, out var site, addition: addition);
        using var http = site.Client(Version(version));
        return (await Probe.Run(http)).Findings;
    }

    private protected static Task<OrdersApp> Origin(TimeSpan heartbeat) =>
        OrdersApp.Start(headwater => headwater.Configure(options => options.Heartbeat = heartbeat));

    private protected Task<Proxy> Start(OrdersApp app, out Site site, int idleSeconds = 60, string addition = "") =>
        Start(app.Client.BaseAddress!, out site, idleSeconds, addition);

    private Task<Proxy> Start(Uri origin, out Site site, int idleSeconds = 60, string addition = "")
    {
        site = new Site(origin) { IdleSeconds = idleSeconds, Addition = addition };
        return Proxy.Start(site, Prepare(site));
    }

    private protected static async Task AddItem(OrdersApp app, int item) =>
        (await app.Post("/orders/1/items", new AddItem("tea", item))).EnsureSuccessStatusCode();

    private protected static int Item(SseBlock block) => JsonDocument.Parse(block.Data!).RootElement.GetProperty("count").GetInt32();

    private static Version Version(int version) => version == 1 ? HttpVersion.Version11 : HttpVersion.Version20;

    private static async Task AddItems(OrdersApp app, int from, int to)
    {
        for (var item = from; item <= to; item++)
            await AddItem(app, item);
    }

    private static List<int> Take(BlockingCollection<int> received, int count, CancellationToken cancel) =>
        [.. Enumerable.Range(0, count).Select(_ => received.Take(cancel))];

    /// <summary>Does what EventSource does: comes back with the last id it saw.</summary>
    private static async Task Follow(HttpClient http, BlockingCollection<int> received, CancellationToken cancel)
    {
        string? lastEventId = null;
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                using var feed = await SseStream.Open(http, "/feeds/order-events?after=start", lastEventId).WaitAsync(cancel);
                using var closing = cancel.Register(feed.Dispose);
                while (feed.Response.IsSuccessStatusCode && await feed.Next() is { } block)
                {
                    lastEventId = feed.LastEventId;
                    if (block.Data is not null)
                        received.Add(Item(block), CancellationToken.None);
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or ObjectDisposedException)
            {
                await Task.Yield();
            }
        }
    }
}
