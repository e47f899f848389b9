using System.Text;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.Tests;

/// <summary>A world with feeds of both kinds, and words to follow them with.</summary>
internal static class FeedWorld
{
    public static Task<World> Start(OrderRows? orders = null, Action<HeadwaterOptions>? configure = null) =>
        World.Start(Declare(orders ?? new OrderRows(), configure));

    public static Action<HeadwaterBuilder> Declare(OrderRows orders, Action<HeadwaterOptions>? configure = null) => headwater =>
    {
        headwater.Services.AddSingleton(orders);
        headwater.Configure(configure ?? (_ => { }))
            .AddProjection<OrderRows, OrderRow>("board", projection => projection.KeyedByStream("order"))
            .AddProjection<PartRows, PartRow>("parts")
            .AddFeed("orders", feed => feed.Events("order")
                .Contract<OrderEvent.Opened, OrderOpened>("order-opened", (e, happened) => new(happened.Stream.Key, e.Customer))
                .Contract<OrderEvent.LineAdded, OrderLine>("line-added", (e, happened) => new(happened.Stream.Key, e.Product), version: 2)
                .AllowAnonymous())
            .AddFeed("board", feed => feed.Rows("board", "board-row").AllowAnonymous())
            .AddFeed("parts", feed => feed.Rows("parts", "part").AllowAnonymous());
    };

    /// <summary>Opens a session on feeds, written as in a URL: <c>orders</c>, or <c>orders/1</c> for a key.</summary>
    public static async Task<FeedSession> Follow(this World world, string? after, params string[] feeds) => await FeedSession.Open(
        world.Log, [.. feeds.Select(feed => feed.Split('/')).Select(parts => new FeedRequest(world.Node.Feeds[parts[0]], parts.ElementAtOrDefault(1)))],
        after is null ? [] : [after], world.Node.Options.PageSize, World.Cancel);

    /// <summary>Reads until there is no more.</summary>
    public static async Task<List<FeedItem>> Drain(this FeedSession session)
    {
        var (all, page) = (new List<FeedItem>(), new List<FeedItem>());
        while (await session.Read(page, World.Cancel) && session.Reset is ResetReason.None)
            all.AddRange(page);
        all.AddRange(page);
        return all;
    }

    public static string Text(this FeedItem item) => $"{item.Frame.Name} {Encoding.UTF8.GetString(item.Frame.Json.Span)}";

    public static IEnumerable<string> Texts(this IEnumerable<FeedItem> items) => items.Select(Text);
}
