using System.Data.Common;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Headwater.AspNetCore.Tests;

public sealed class FailureTests
{
    private string? lastId;

    [Fact]
    public async Task A_store_that_fails_is_unavailable_and_not_a_secret_told()
    {
        var memory = new MemoryStore(TimeProvider.System, Guid.NewGuid);
        var store = new FailingStore(memory);
        await using var app = await OrdersApp.Start(headwater => headwater.Services.AddSingleton<ILogStore>(store));
        store.Fails = true;
        foreach (var response in new[] { await app.Post("/orders/1/open", new Open("ann")), await app.Client.GetAsync("/orders/1") })
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            Assert.NotNull(response.Headers.RetryAfter);
            var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
            Assert.Equal("unavailable", problem.GetProperty("code").GetString());
            Assert.DoesNotContain("/var/secret.db", problem.ToString(), StringComparison.Ordinal);
        }

        Assert.Equal("unavailable", await HealthOnce(app, HttpStatusCode.ServiceUnavailable));
        store.Fails = false;
        Assert.Equal("ready", await HealthOnce(app, HttpStatusCode.OK, after: () => app.Post("/orders/1/open", new Open("ann"))));
    }

    /// <summary>Looks until health answers so. The tail, which finds out, comes by once a second.</summary>
    private static async Task<string?> HealthOnce(OrdersApp app, HttpStatusCode status, Func<Task<HttpResponseMessage>>? after = null)
    {
        if (after is not null)
            Assert.Equal(HttpStatusCode.OK, (await after()).StatusCode);
        using var timeUp = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            using var health = await app.Client.GetAsync("/health", timeUp.Token);
            if (health.StatusCode == status)
                return (await health.Content.ReadFromJsonAsync<JsonElement>(timeUp.Token)).GetProperty("status").GetString();
            await pause.WaitForNextTickAsync(timeUp.Token);
        }
    }

    [Fact]
    public async Task A_feed_tells_all_before_an_event_it_cannot_decode_and_then_says_so()
    {
        await using var app = await OrdersApp.Start();
        await app.Post("/orders/1/open", new Open("ann"));
        await app.Post("/orders/1/items", new AddItem("tea", 1));
        var unknown = new StreamAppend(new StreamId("order", "1"), ExpectedVersion.Any, [new EventData(Guid.CreateVersion7(), "order-secretly-renamed", "{}"u8.ToArray())]);
        await app.Node.Log.Append([unknown], TestContext.Current.CancellationToken);

        // Again and again: what comes before is told each time, and the client is not led past the event.
        foreach (var after in new[] { "start", null })
        {
            using var feed = await app.Follow(after is null ? "/feeds/order-events" : "/feeds/order-events?after=start", after is null ? lastId : null);
            if (after is not null)
                Assert.Equal(["order-opened", "item-added"], (await feed.NextEvents(2)).Select(block => block.Event));
            lastId = feed.LastEventId ?? lastId;
            var problem = await feed.NextEvent();
            Assert.Equal("problem", problem.Event);
            Assert.Contains("urn:headwater:problem:unreadable-event", problem.Data!, StringComparison.Ordinal);
            Assert.DoesNotContain("order-secretly-renamed", problem.Data!, StringComparison.Ordinal);
            Assert.Null(problem.Id);
            Assert.Null(await feed.Next());
        }

        // Page by page it is the same.
        var page = await app.Client.SendAsync(Json("/feeds/order-events?after=start"));
        Assert.Equal(2, (await page.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("events").GetArrayLength());
        await CommandTests.Problem(
            await app.Client.SendAsync(Json($"/feeds/order-events?after={page.Headers.GetValues("Headwater-Cursor").Single()}")),
            HttpStatusCode.InternalServerError, "unreadable-event");
        await CommandTests.Problem(await app.Client.GetAsync("/orders/1"), HttpStatusCode.InternalServerError, "unreadable-event");
    }

    private static HttpRequestMessage Json(string path) => new(HttpMethod.Get, path) { Headers = { { "Accept", "application/json" } } };

    [Fact]
    public async Task A_node_that_is_disposed_without_being_stopped_has_stopped_before_its_store_is_gone()
    {
        var services = new ServiceCollection().AddLogging();
        services.AddSingleton<ILogStore>(_ => new FailingStore(new MemoryStore(TimeProvider.System, Guid.NewGuid)));
        services.AddHeadwater(headwater => headwater.UseMemory());
        var provider = services.BuildServiceProvider();
        var store = (FailingStore)provider.GetRequiredService<ILogStore>();
        var node = provider.GetRequiredService<Node>();
        foreach (var host in provider.GetServices<IHostedService>())
            await host.StartAsync(TestContext.Current.CancellationToken);
        var stopping = node.Stopping;
        store.OnDispose = () => store.SawStopped = stopping.IsCancellationRequested && !node.IsReady;
        await provider.DisposeAsync();
        Assert.True(store.SawStopped);
    }

    private sealed class StoreException() : DbException("/var/secret.db is locked");

    private sealed class FailingStore(ILogStore store) : ILogStore, IDisposable
    {
        public bool Fails { get; set; }

        public bool SawStopped { get; set; }

        public Action OnDispose { get; set; } = () => { };

        public bool CommitsInOrder => store.CommitsInOrder;

        public ValueTask<LogHead> Head(CancellationToken cancel) => Working.Head(cancel);

        public ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel) => Working.Append(request, cancel);

        public ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel) => Working.Read(query, cancel);

        public ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(StreamId stream, long afterVersion, int limit, CancellationToken cancel) =>
            Working.ReadStream(stream, afterVersion, limit, cancel);

        public ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel) => Working.FindReceipt(key, cancel);

        public void Dispose() => OnDispose();

        private ILogStore Working => Fails ? throw new StoreException() : store;
    }
}
