using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Headwater.AspNetCore;

/// <summary>Lets clients follow feeds, as server-sent events or, if they ask for JSON, page by page.</summary>
internal sealed partial class FeedEndpoint(Node node, FeedConnections connections, Lives lives, ILogger<FeedEndpoint> logger)
{
    private const string LastEventIdParameter = "last_event_id";
    private const string PaddingParameter = "padding";

    private readonly FeedAccess access = new(node);

    public static void Map(IEndpointRouteBuilder routes, Node node, FeedConnections connections)
    {
        var services = routes.ServiceProvider;
        var lives = new Lives(node, services.GetRequiredService<FeedRevocation>(), services.GetRequiredService<ILogger<Lives>>());
        var endpoint = new FeedEndpoint(node, connections, lives, services.GetRequiredService<ILogger<FeedEndpoint>>());
        routes.MapGet("/feeds", (RequestDelegate)(context =>
            endpoint.Follow(context, [.. context.Request.Query["feed"].OfType<string>()])));
        routes.MapGet("/feeds/{feed}/{**key}", (RequestDelegate)(context =>
            Guard.Run(context, () => endpoint.Follow(context, [Path(context)]))));
    }

    private Task Follow(HttpContext context, string[] asked) => Guard.Run(context, async () =>
    {
        FeedRequest[] requests = [];
        using var life = await lives.Begin(
            Caller.Of(context), async cancel => requests = await access.Resolve(asked, Caller.Of(context), cancel),
            () => requests.All(request => request.Feed.IsPublic), context.RequestAborted);
        if (connections.Stopping.IsCancellationRequested)
        {
            context.Response.Headers.RetryAfter = "1";
            throw new ProblemException(Problem.Unavailable("The server is stopping; connect again."));
        }

        // A cache must not give one client the answer to another that asked for something else.
        context.Response.Headers.Vary = "Accept, Last-Event-ID";
        var pageType = Accepts(context.Request);
        using var client = new FeedConnection(node, connections, pageType is null ? Transports.Sse : Transports.LongPolling, Caller.Of(context), life);
        client.Subscribe(requests.Length);
        if (pageType is not null)
            await Poll(context, requests, client, pageType == FeedPage.CloudEvents);
        else
            await Stream(context, requests, client, asked);
    });

    private async Task Stream(HttpContext context, FeedRequest[] requests, FeedConnection client, string[] asked)
    {
        var isPadded = IsPadded(context.Request);
        var session = await FeedSession.Open(node.Log, requests, After(context.Request).Cursors, node.Options.PageSize, context.RequestAborted);
        client.Follows(session);
        SseResponse.Begin(context);

        // What is padded has comments of its own in between.
        var connection = new SseConnection(
            session, context.Response.BodyWriter, node, connections, client, isPadded,
            isPadded ? null : (string.Join('\n', asked), () => (ICrowdWay?)SocketWay.To(context) ?? new BodyWay(context.Response.BodyWriter)));
        try
        {
            await connection.Run(context.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            // The client has gone, or did not read for too long. It knows its cursor.
        }
        catch (Exception e)
        {
            LogBroken(logger, e, string.Join(", ", asked), session.Cursor);
            await connection.TellProblem(
                e is UnreadableEventException unreadable ? Problem.Unreadable(unreadable) : Problem.Unavailable("The feed cannot go on just now."),
                context.RequestAborted);
        }
    }

    private async Task Poll(HttpContext context, FeedRequest[] requests, FeedConnection client, bool asCloudEvents)
    {
        var limit = Paging.Limit(context.Request);
        var (after, isInUrl) = After(context.Request);
        var session = await FeedSession.Open(node.Log, requests, after, limit, context.RequestAborted);
        client.Follows(session);
        var page = new FeedPoll(session, limit, node, connections, client.Life);
        await page.Read(Headers.Wait(context, TimeSpan.Zero, node.Options.MaxWait), context.RequestAborted);
        if (client.Life.End?.Problem is { } ended)
            throw new ProblemException(ended);
        var headers = context.Response.Headers;
        var cursor = page.Cursor.ToString();
        headers[Headers.Cursor] = cursor;
        headers.Link = Paging.Link(context.Request, cursor, LastEventIdParameter);

        // Events that lie between two cursors never change. Rows do, and at the head of the log there will be more.
        headers.CacheControl = !page.IsFull || !session.IsOfEvents || !isInUrl ? "no-store"
            : $"{(requests.All(request => request.Feed.IsPublic) ? "public" : "private")}, max-age=31536000, immutable";
        if (page.Reset is ResetReason.None && Headers.NotModified(context, $"W/\"{cursor}\""))
            return;
        var body = FeedPage.Write(page, asCloudEvents);
        context.Response.ContentType = $"{(asCloudEvents ? FeedPage.CloudEvents : FeedPage.Json)}; charset=utf-8";
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
        client.Wrote(body.Length);
        client.Delivered(page.Items, page.HasWaited);
    }

    /// <summary>The type of the page that the client would rather have than a stream, or null.</summary>
    private static string? Accepts(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted))
            return null;
        foreach (var type in accepted.Where(type => type.Quality is not 0).OrderByDescending(type => type.Quality ?? 1))
        {
            if (type.MatchesMediaType("text/event-stream"))
                return null;
            if (type.MatchesMediaType(FeedPage.Json))
                return FeedPage.Json;
            if (type.MatchesMediaType(FeedPage.CloudEvents))
                return FeedPage.CloudEvents;
        }

        return null;
    }

    /// <summary>
    /// Where the client left off. The header comes first: EventSource repeats the URL it was first given at every reconnect.
    /// A client that took several snapshots gives the cursor of each.
    /// </summary>
    private static (string[] Cursors, bool IsInUrl) After(HttpRequest request)
    {
        if (Given(request.Headers["Last-Event-ID"]) is { Length: > 0 } told)
            return (told, false);
        foreach (var parameter in new[] { LastEventIdParameter, Paging.AfterParameter })
            if (Given(request.Query[parameter]) is { Length: > 0 } asked)
                return (asked, true);
        return ([], false);

        static string[] Given(StringValues values) => [.. values.OfType<string>().Where(value => value.Length > 0)];
    }

    /// <summary>Whether the client says that something on its way holds bytes back until more come.</summary>
    private static bool IsPadded(HttpRequest request) => request.Query[PaddingParameter].ToString() switch
    {
        "" or "0" => false,
        "1" => true,
        var other => throw new ProblemException(Problem.BadParameter(PaddingParameter, $"'{other}' is no padding: expected 1 or 0.")),
    };

    private static string Path(HttpContext context) => PathKey.Of(context, "key") is { Length: > 0 } key
        ? $"{context.GetRouteValue("feed")}/{key}"
        : (string)context.GetRouteValue("feed")!;

    [LoggerMessage(60, LogLevel.Error, "A connection to {Feeds} broke at cursor {Cursor}; the client comes back there.")]
    private static partial void LogBroken(ILogger logger, Exception e, string feeds, Cursor cursor);
}
