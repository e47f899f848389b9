using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Headwater.AspNetCore;

/// <summary>Opens a WebSocket for those who ask for it rightly, and says to the others what is wrong.</summary>
internal sealed class SocketEndpoint(Node node, FeedConnections connections, Lives lives, SocketPosts posts, ILogger<SocketConnection> logger)
{
    private const string Protocol = "headwater.v1";

    private readonly FeedAccess access = new(node);

    public static void Map(IEndpointRouteBuilder routes, Node node, FeedConnections connections)
    {
        var services = routes.ServiceProvider;
        var lives = new Lives(node, services.GetRequiredService<FeedRevocation>(), services.GetRequiredService<ILogger<Lives>>());
        var endpoint = new SocketEndpoint(
            node, connections, lives, new SocketPosts(services), services.GetRequiredService<ILogger<SocketConnection>>());

        // Over HTTP/2 a WebSocket begins with CONNECT (RFC 8441).
        routes.MapMethods("/ws", ["GET", "CONNECT"], (RequestDelegate)endpoint.Open);
    }

    private Task Open(HttpContext context) => Guard.Run(context, async () =>
    {
        Check(context);

        // The socket itself asks no rules; its subscriptions do, each its own.
        using var life = await lives.Begin(Caller.Of(context), _ => ValueTask.CompletedTask, () => true, context.RequestAborted);
        using var client = new FeedConnection(node, connections, Transports.WebSocket, Caller.Of(context), life);
        using var socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            SubProtocol = Protocol,
            KeepAliveInterval = node.Options.Heartbeat,

            // The answer to a ping may stand behind much that a slow client still has to read.
            KeepAliveTimeout = node.Options.Heartbeat + node.Options.WriteTimeout,
        });
        using var connection = new SocketConnection(socket, context, node, connections, client, access, lives, posts, logger);
        await connection.Run();
    });

    private void Check(HttpContext context)
    {
        if (context.Features.Get<IHttpWebSocketFeature>() is null)
            throw new ProblemException(new(StatusCodes.Status501NotImplemented, "no-websockets", "This application takes no WebSockets",
                "The application must call app.UseWebSockets() before it runs. Feeds can be followed at /feeds until then."));
        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.Headers.Upgrade = "websocket";
            throw new ProblemException(new(StatusCodes.Status426UpgradeRequired, "upgrade-required", "This address is for WebSockets",
                $"Open it as a WebSocket with the subprotocol '{Protocol}', or follow feeds at /feeds."));
        }

        if (!IsAllowed(context.Request))
            throw new ProblemException(new(StatusCodes.Status403Forbidden, "origin-refused", "Pages from there may not connect",
                $"The page comes from '{context.Request.Headers.Origin}'. Pages of this server may connect, and those of HeadwaterOptions.AllowedOrigins."));
        if (!context.WebSockets.WebSocketRequestedProtocols.Contains(Protocol))
            throw new ProblemException(new(StatusCodes.Status400BadRequest, "unknown-subprotocol", "The subprotocol is not known",
                $"Sec-WebSocket-Protocol asks for '{string.Join(", ", context.WebSockets.WebSocketRequestedProtocols)}'; expected '{Protocol}'."));
        if (connections.Stopping.IsCancellationRequested)
        {
            context.Response.Headers.RetryAfter = "1";
            throw new ProblemException(Problem.Unavailable("The server is stopping; connect again."));
        }
    }

    /// <summary>
    /// A browser sends its cookies with a WebSocket that a foreign page opens, and lets that page read what comes. It says which page
    /// it was; what is no browser says nothing, and has no cookies that are not its own.
    /// </summary>
    private bool IsAllowed(HttpRequest request)
    {
        var origin = request.Headers.Origin;
        if (origin.Count == 0)
            return true;
        if (origin.Count > 1 || !Uri.TryCreate(origin, UriKind.Absolute, out var page))
            return false;

        // The scheme is not compared: behind a proxy that ends TLS it is another one than the browser's.
        return string.Equals(page.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase)
            || node.Options.AllowedOrigins.Contains(origin.ToString(), StringComparer.OrdinalIgnoreCase);
    }
}
