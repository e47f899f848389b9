using System.Net.Http.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Headwater.AspNetCore.Tests;

/// <summary>A real application on a real socket, over the store in memory.</summary>
internal sealed class OrdersApp : IAsyncDisposable
{
    private readonly WebApplication app;

    private OrdersApp(WebApplication app)
    {
        this.app = app;
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
    }

    public HttpClient Client { get; }

    public IServiceProvider Services => app.Services;

    public Node Node => app.Services.GetRequiredService<Node>();

    public static async Task<OrdersApp> Start(
        Action<HeadwaterBuilder>? configure = null, Action<ProjectionBuilder>? orders = null,
        Action<IServiceCollection>? services = null, Action<WebApplication>? use = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddHeadwater(headwater =>
        {
            headwater
                .UseMemory()
                .UseJson(OrdersJson.Default)
                .Configure(options =>
                {
                    options.Heartbeat = TimeSpan.FromMilliseconds(100);
                    options.DrainSpread = TimeSpan.Zero;
                })
                .AddStream<Order, OrderEvent>("order", order => order.Tags((state, _) => state.Customer is { } customer ? [new("customer", customer)] : []))
                .AddProjection<OrderList, OrderRow>("orders", list =>
                {
                    list.KeyedByStream("order").Index("customer", "items");
                    orders?.Invoke(list);
                })
                .AddFeed("order-events", feed => Contracts(feed.Events("order")).AllowAnonymous())
                .AddFeed("by-customer", feed => Contracts(feed.EventsByTag("customer")).AllowAnonymous())
                .AddFeed("orders", feed => feed.Rows("orders", "order-row").AllowAnonymous())
                .AddFeed("closed", feed => feed.Rows("orders", "order-row"))
                .AddFeed("mine", feed => Contracts(feed.Events("order")).Allow((who, _) => ValueTask.FromResult(who.Key == "allowed")));
            configure?.Invoke(headwater);
        });

        services?.Invoke(builder.Services);
        var app = builder.Build();
        use?.Invoke(app);
        app.UseWebSockets();
        app.MapHeadwater();
        app.MapStream<Order, OrderEvent>("/orders/{order}")
            .MapCommand<Open>("open")
            .MapCommand<AddItem>("items")
            .MapCommand<Close>("close")
            .MapCommand<Note>("notes");
        app.MapReadModel("/list", "orders");
        await app.StartAsync();
        return new OrdersApp(app);
    }

    public Task<HttpResponseMessage> Post<T>(string path, T body, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return Client.SendAsync(request);
    }

    public Task<SseStream> Follow(string path, string? lastEventId = null) => SseStream.Open(Client, path, lastEventId);

    /// <summary>For a connection that a test makes itself: nothing ends it.</summary>
    public FeedConnection Endless(FeedConnections connections)
    {
        var caller = Caller.Of(new DefaultHttpContext());
        return new FeedConnection(
            Node, connections, Transports.Sse, caller, new ConnectionLife(Node, Services.GetRequiredService<FeedRevocation>(), caller, null, NullLogger.Instance));
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        Client.Dispose();
        await app.DisposeAsync();
    }

    private static FeedBuilder Contracts(FeedBuilder feed) => feed
        .Contract<OrderEvent.Opened, OpenedContract>("order-opened", (e, happened) => new(happened.Stream.Key, e.Customer))
        .Contract<OrderEvent.ItemAdded, ItemAddedContract>("item-added", (e, happened) => new(happened.Stream.Key, e.Item, e.Count))
        .Contract<OrderEvent.Closed, ClosedContract>("order-closed", (_, happened) => new(happened.Stream.Key), version: 2);
}
