using System.Buffers;
using System.Security.Claims;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Headwater.AspNetCore;

/// <summary>Lets clients publish to topics, and be members there. They follow topics as they follow feeds.</summary>
internal sealed class TopicEndpoint(Node node, Topics topics)
{
    public const string EventParameter = "event";

    public const string ByParameter = "by";

    private readonly FeedAccess access = new(node);

    public static void Map(IEndpointRouteBuilder routes, Node node, Topics topics)
    {
        var endpoint = new TopicEndpoint(node, topics);
        routes.MapPost("/topics/{topic}/{**key}", (RequestDelegate)endpoint.Publish).WithMetadata(SocketMethod.Publish);
        foreach (var members in new[] { "/topics/{topic}/members", "/topics/{topic}/{key}/members" })
        {
            routes.MapMethods(members, Headers.Reading, endpoint.GetMembers);
            routes.MapPut(members + "/{member}", (RequestDelegate)endpoint.Join);
            routes.MapDelete(members + "/{member}", (RequestDelegate)endpoint.Leave);
        }
    }

    private Task Publish(HttpContext context) => Guard.Run(context, async () =>
    {
        var place = Place(context);
        var name = context.Request.Query[EventParameter].ToString();
        var by = context.Request.Query[ByParameter].ToString() is { Length: > 0 } given ? given : null;
        await Authorise(context, place, place.Topic.PublishRule, name, by, "publish to");
        var message = await Body(context.Request, place.Topic);
        context.Response.Headers[Headers.Cursor] = topics.PublishJson(place.Topic.Name, place.Key, name, message, by).ToString();
        context.Response.StatusCode = StatusCodes.Status202Accepted;
    });

    private Task Join(HttpContext context) => Guard.Run(context, async () =>
    {
        var place = Place(context);
        var member = PathKey.Of(context, "member");
        await Authorise(context, place, place.Topic.JoinRule, Members.Joined, member, "be a member of");
        var meta = await Body(context.Request, place.Topic);
        context.Response.Headers[Headers.Cursor] = topics.Join(place.Topic.Name, place.Key, member, meta, Owner(context.User)).ToString();
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    });

    private Task Leave(HttpContext context) => Guard.Run(context, async () =>
    {
        var place = Place(context);
        var member = PathKey.Of(context, "member");
        await Authorise(context, place, place.Topic.JoinRule, Members.Left, member, "be a member of");
        context.Response.Headers[Headers.Cursor] = topics.Leave(place.Topic.Name, place.Key, member, Owner(context.User)).ToString();
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    });

    private Task GetMembers(HttpContext context) => Guard.Run(context, async () =>
    {
        var place = Place(context);
        await access.Resolve([place.ToString()], Caller.Of(context), context.RequestAborted);
        var (members, cursor) = topics.MembersOf(place);
        var body = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteStartArray("members");
            foreach (var member in members)
                Members.Write(json, member);
            json.WriteEndArray();
            json.WriteString("cursor", cursor.ToString());
            json.WriteEndObject();
        }

        context.Response.Headers[Headers.Cursor] = cursor.ToString();
        context.Response.Headers.CacheControl = "no-store";
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.ContentLength = body.WrittenCount;
        await context.Response.Body.WriteAsync(body.WrittenMemory, context.RequestAborted);
    });

    private TopicKey Place(HttpContext context) =>
        topics.Place((string)context.GetRouteValue("topic")!, PathKey.Of(context, "key") is { Length: > 0 } key ? key : null);

    private static async ValueTask Authorise(HttpContext context, TopicKey place, TopicRule? rule, string name, string? by, string what)
    {
        if (rule is null || !await rule(new TopicCaller(context.User, place.Topic.Name, place.Key, name, by), context.RequestAborted))
            throw new ProblemException(Problem.NotAllowed(context.User, $"{what} '{place}'"));
    }

    private static async ValueTask<ReadOnlyMemory<byte>> Body(HttpRequest request, Topic topic)
    {
        var body = await RequestBody.Read(request, topic.MaxMessageBytes, () => new ProblemException(TopicProblem.TooLarge(
            $"The topic '{topic.Name}' takes messages of at most {topic.MaxMessageBytes:N0} bytes.")));
        return body.Length == 0 || RequestBody.IsJson(request)
            ? body
            : throw new ProblemException(new(StatusCodes.Status415UnsupportedMediaType, "not-json", "The body is not JSON",
                "Send the message as application/json in UTF-8, not compressed."));
    }

    /// <summary>Whom a member belongs to. Those who are not signed in cannot be told apart.</summary>
    private static string? Owner(ClaimsPrincipal user) => user.Identity?.IsAuthenticated is true
        ? user.FindFirst(ClaimTypes.NameIdentifier)?.Value ?? user.FindFirst("sub")?.Value ?? user.Identity.Name
        : null;
}
