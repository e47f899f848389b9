using System.Collections.Concurrent;
using System.Data.Common;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Headwater.AspNetCore;

/// <summary>Does what a client asks for over its socket, one request after the other.</summary>
internal sealed partial class SocketRequests(
    HttpContext context, Node node, FeedConnections connections, FeedConnection client, FeedAccess access, Lives lives, SocketPosts posts,
    ConcurrentDictionary<string, SocketSubscription> followed, ChannelWriter<SocketReply> replies, ILogger logger)
{
    /// <summary>Room in a message for everything that is not a command's body: names, keys, a path, cursors.</summary>
    public const int MaxOtherBytes = 16 << 10;

    private const int MaxName = 64;

    private int count;

    public async ValueTask Answer(ReadOnlyMemory<byte> message, CancellationToken cancel)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(message);
        }
        catch (JsonException)
        {
            var unparsable = RpcException.Unparsable();
            await replies.WriteAsync(new SocketReply(RpcReply.Error(null, unparsable.Code, unparsable.Message, unparsable.Problem.Json())), cancel);
            return;
        }

        using (document)
        {
            RpcRequest request;
            try
            {
                request = RpcRequest.Of(document.RootElement);
            }
            catch (RpcException e)
            {
                await replies.WriteAsync(new SocketReply(RpcReply.Error(e.Id, e.Code, e.Message, e.Problem.Json())), cancel);
                return;
            }

            var reply = await Answer(request, cancel);

            // Without an id no answer is wanted, but what it changes must be done.
            if (request.Id is not null || reply.Begins is not null || reply.Ends is not null)
                await replies.WriteAsync(reply, cancel);
        }
    }

    private async ValueTask<SocketReply> Answer(RpcRequest request, CancellationToken cancel)
    {
        try
        {
            return request.Method switch
            {
                "subscribe" => await Subscribe(request.Has("subscription", "feeds", "after"), cancel),
                "unsubscribe" => Unsubscribe(request.Has("subscription")),
                "command" => Answer(
                    request.Has("path", "body", "idempotencyKey", "ifMatch", "ifNoneMatch"), await posts.Command(context, request, ++count)),
                "publish" => Answer(request.Has("topic", "event", "data", "by"), await posts.Publish(context, request, ++count)),
                var unknown => throw RpcException.Unknown(unknown),
            };
        }
        catch (RpcException e)
        {
            return Error(request, e.Code, e.Problem);
        }
        catch (ProblemException e)
        {
            return Error(request, RpcException.HasProblem, e.Problem);
        }
        catch (TopicRefusedException e)
        {
            // That it may come back later stands in the problem; this answer has no headers.
            return Error(request, RpcException.HasProblem, TopicProblem.Of(e, new DefaultHttpContext()));
        }
        catch (DbException e)
        {
            LogFailed(logger, e, request.Method);
            return Error(request, RpcException.HasProblem, Problem.Unavailable("The store cannot be used just now. Try again."));
        }
        catch (Exception e) when (e is not OperationCanceledException || !context.RequestAborted.IsCancellationRequested)
        {
            LogFailed(logger, e, request.Method);
            var failed = RpcException.Failed();
            return Error(request, failed.Code, failed.Problem);
        }
    }

    private async ValueTask<SocketReply> Subscribe(RpcRequest request, CancellationToken cancel)
    {
        var name = request.Text("subscription");
        if (name.Length is 0 or > MaxName)
            throw RpcException.Wrong("subscription", $"The name has {name.Length} characters; expected 1 to {MaxName}.");
        if (followed.ContainsKey(name))
            throw RpcException.Wrong("subscription", $"There is a subscription '{name}' already; unsubscribe it first, or choose another name.");
        string[] asked = [.. request.Texts("feeds").Distinct()];
        var sum = followed.Values.Sum(each => each.FeedCount) + asked.Length;
        if (asked.Length > 0 && sum > node.Options.MaxFeedsPerConnection)
            throw RpcException.Wrong("feeds", $"This socket would follow {sum} feeds; expected at most {node.Options.MaxFeedsPerConnection}.");
        if (connections.Stopping.IsCancellationRequested)
            throw new ProblemException(Problem.Unavailable("The server is stopping; connect again."));

        FeedRequest[] feeds = [];
        var after = request.Texts("after");
        var caller = Caller.Of(context);
        var life = await lives.Begin(
            caller, async asking => feeds = await access.Resolve(asked, caller, asking), () => feeds.All(feed => feed.Feed.IsPublic), cancel);
        SocketSubscription subscription;
        var isCounted = false;
        try
        {
            client.Subscribe(feeds.Length);
            isCounted = true;
            subscription = new SocketSubscription(
                name, feeds.Length, await FeedSession.Open(node.Log, feeds, after, node.Options.PageSize, cancel), life, client);
        }
        catch
        {
            life.Dispose();
            if (isCounted)
                client.Unsubscribe(feeds.Length);
            throw;
        }

        followed[name] = subscription;

        // If the client cannot go on where it was, it is told so next; a cursor that it took before would hide that from it.
        return new SocketReply(Result(request, json =>
        {
            if (subscription.Session.Reset is ResetReason.None)
                json.WriteString("cursor", subscription.Session.Cursor.ToString());
        }), Begins: subscription);
    }

    private SocketReply Unsubscribe(RpcRequest request)
    {
        var name = request.Text("subscription");
        return followed.TryRemove(name, out var subscription)
            ? new SocketReply(Result(request, _ => { }), Ends: subscription)
            : throw new ProblemException(Problem.NotFound($"There is no subscription '{name}' on this socket."));
    }

    private static SocketReply Answer(RpcRequest request, SocketAnswer answer)
    {
        if (answer.Status >= StatusCodes.Status400BadRequest)
            return new SocketReply(request.Id is { } id ? RpcReply.Error(id, RpcException.HasProblem, $"It was answered {answer.Status}.", answer.Body) : []);
        return new SocketReply(Result(request, json =>
        {
            json.WriteNumber("status", answer.Status);
            if (answer.Cursor is not null)
                json.WriteString("cursor", answer.Cursor);
            if (answer.ETag is not null)
                json.WriteString("etag", answer.ETag);
            if (answer.Body.Length == 0)
                return;
            json.WritePropertyName("body");
            json.WriteRawValue(answer.Body.Span);
        }));
    }

    private static byte[] Result(RpcRequest request, Action<Utf8JsonWriter> members) =>
        request.Id is { } id ? RpcReply.Result(id, members) : [];

    private static SocketReply Error(RpcRequest request, int code, Problem problem) =>
        new(request.Id is { } id ? RpcReply.Error(id, code, problem.Detail, problem.Json()) : []);

    [LoggerMessage(63, LogLevel.Error, "A request over a WebSocket, '{Method}', could not be answered.")]
    private static partial void LogFailed(ILogger logger, Exception e, string method);
}
