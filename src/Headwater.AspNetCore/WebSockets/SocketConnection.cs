using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Headwater.AspNetCore;

/// <summary>
/// One client on one socket: what it asks for is done in turn, and what it follows is written by one loop, as fast as it takes it.
/// </summary>
internal sealed partial class SocketConnection : IDisposable
{
    // How long a client may take to say goodbye too.
    private static readonly TimeSpan closeTimeout = TimeSpan.FromSeconds(1);

    private readonly WebSocket socket;
    private readonly HttpContext context;
    private readonly ILogger logger;
    private readonly SocketOutput output;
    private readonly SocketRequests requests;
    private readonly SocketDelivery delivery;
    private readonly SocketInput input;

    public SocketConnection(
        WebSocket socket, HttpContext context, Node node, FeedConnections connections, FeedConnection client, FeedAccess access,
        Lives lives, SocketPosts posts, ILogger<SocketConnection> logger)
    {
        this.socket = socket;
        this.context = context;
        this.logger = logger;

        // A client that asks and does not read its answers is not read from either.
        var replies = Channel.CreateBounded<SocketReply>(new BoundedChannelOptions(16) { SingleReader = true, SingleWriter = true });
        var followed = new ConcurrentDictionary<string, SocketSubscription>();
        input = new SocketInput(socket, node.Options.MaxCommandBytes + SocketRequests.MaxOtherBytes);
        output = new SocketOutput(socket, node.Options.WriteTimeout, client, context.RequestAborted);
        requests = new SocketRequests(context, node, connections, client, access, lives, posts, followed, replies.Writer, logger);
        delivery = new SocketDelivery(output, node, connections, client, followed, replies.Reader, logger);
    }

    public async Task Run()
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var delivering = delivery.Run(over.Token);
        var reading = Read(over.Token);
        try
        {
            if (await Task.WhenAny(delivering, reading) == delivering)
            {
                using var limit = Limit();
                var goodbye = await delivering;
                await socket.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, goodbye, limit.Token);
                await reading.WaitAsync(limit.Token);
            }
            else
            {
                var (status, reason) = await reading;
                await over.CancelAsync();
                await delivering;

                // This also reads what the client has sent and nobody wants; otherwise it might lose the answer.
                using var limit = Limit();
                await socket.CloseAsync(status, reason, limit.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            // The client has gone, or did not read for too long. It knows its cursors.
        }
        catch (Exception e)
        {
            LogBroken(logger, e);
        }
        finally
        {
            await over.CancelAsync();
            if (socket.State is not (WebSocketState.Closed or WebSocketState.CloseSent))
                socket.Abort();
            await Task.WhenAll(delivering, reading).ConfigureAwait(ConfigureAwaitOptions.ContinueOnCapturedContext | ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public void Dispose()
    {
        input.Dispose();
        output.Dispose();
        delivery.Dispose();
    }

    /// <summary>Reads until the client closes, or must be closed.</summary>
    private async Task<(WebSocketCloseStatus Status, string? Reason)> Read(CancellationToken over)
    {
        try
        {
            while (await input.Next(over) is { } message)
                if (!delivery.HasEnded)
                    await requests.Answer(message, over);
            return (socket.CloseStatus ?? WebSocketCloseStatus.NormalClosure, null);
        }
        catch (SocketRefusedException e)
        {
            return (e.Status, e.Message);
        }
    }

    private CancellationTokenSource Limit()
    {
        var limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        limit.CancelAfter(closeTimeout);
        return limit;
    }

    [LoggerMessage(62, LogLevel.Error, "A WebSocket broke; its client comes back at its cursors.")]
    private static partial void LogBroken(ILogger logger, Exception e);
}
