using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.AspNetCore;

/// <summary>What a command or a message was answered.</summary>
/// <param name="Status">As over HTTP.</param>
/// <param name="Cursor">Behind it, if it was accepted.</param>
/// <param name="ETag">The stream's version.</param>
/// <param name="Body">The new state, or a problem; JSON.</param>
internal sealed record SocketAnswer(int Status, string? Cursor, string? ETag, ReadOnlyMemory<byte> Body);

/// <summary>
/// Runs commands, and publishes messages, that come over a socket. Each becomes a request of its own to the very endpoint that a POST
/// would reach, with the socket's user, and is authorised as that endpoint demands.
/// </summary>
internal sealed class SocketPosts(IServiceProvider services)
{
    private readonly PostEndpoints endpoints = new(services);

    /// <summary>Runs a command.</summary>
    /// <param name="socket">The request that opened the socket.</param>
    /// <param name="request">Has <c>path</c>, <c>body</c>, <c>idempotencyKey</c>, <c>ifMatch</c> and <c>ifNoneMatch</c>.</param>
    /// <param name="number">Of the request on its socket.</param>
    /// <exception cref="ProblemException">No command is mapped there, or the user may not send it.</exception>
    public async ValueTask<SocketAnswer> Command(HttpContext socket, RpcRequest request, int number)
    {
        await using var scope = services.CreateAsyncScope();
        var context = NewContext(socket, scope.ServiceProvider, number);
        Describe(context, socket, request.Text("path"), request.Raw("body"));
        foreach (var (name, parameter) in new[] { (Headers.IdempotencyKey, "idempotencyKey"), ("If-Match", "ifMatch"), ("If-None-Match", "ifNoneMatch") })
            if (request.OptionalText(parameter) is { } value)
                context.Request.Headers[name] = value;
        return endpoints.Route(context, SocketMethod.Command)
            ? await Post(context)
            : throw new ProblemException(Problem.NotFound($"No command is mapped to POST {context.Request.Path}."));
    }

    /// <summary>Publishes a message.</summary>
    /// <param name="socket">The request that opened the socket.</param>
    /// <param name="request">Has <c>topic</c>, <c>event</c>, <c>data</c> and <c>by</c>.</param>
    /// <param name="number">Of the request on its socket.</param>
    /// <exception cref="ProblemException">There are no topics, or the user may not publish.</exception>
    public async ValueTask<SocketAnswer> Publish(HttpContext socket, RpcRequest request, int number)
    {
        await using var scope = services.CreateAsyncScope();
        var context = NewContext(socket, scope.ServiceProvider, number);
        Describe(context, socket, "/topics/" + string.Join('/', request.Text("topic").Split('/').Select(Uri.EscapeDataString)), request.Raw("data"));
        var query = new QueryBuilder { { TopicEndpoint.EventParameter, request.Text("event") } };
        if (request.OptionalText("by") is { } by)
            query.Add(TopicEndpoint.ByParameter, by);
        context.Request.QueryString = query.ToQueryString();
        return endpoints.Route(context, SocketMethod.Publish)
            ? await Post(context)
            : throw new ProblemException(Problem.NotFound($"There is no topic '{request.Text("topic")}'."));
    }

    private static async ValueTask<SocketAnswer> Post(HttpContext context)
    {
        await Authorize(context);
        using var body = new MemoryStream();
        context.Response.Body = body;
        await context.GetEndpoint()!.RequestDelegate!(context);
        await context.Response.CompleteAsync();

        var headers = context.Response.Headers;
        return new SocketAnswer(
            context.Response.StatusCode, headers[Headers.Cursor], headers.ETag, Json(context.Response, body.GetBuffer().AsMemory(0, (int)body.Length)));
    }

    private static DefaultHttpContext NewContext(HttpContext socket, IServiceProvider services, int number)
    {
        var context = new DefaultHttpContext
        {
            RequestServices = services,
            User = socket.User,
            Items = new Dictionary<object, object?>(socket.Items),
            RequestAborted = socket.RequestAborted,
            TraceIdentifier = $"{socket.TraceIdentifier}/{number}",
        };
        context.Features.Set(socket.Features.Get<IHttpConnectionFeature>());
        context.Features.Set(socket.Features.Get<IAuthenticateResultFeature>());
        return context;
    }

    private static void Describe(HttpContext context, HttpContext socket, string target, JsonElement? json)
    {
        var asked = context.Request;
        (asked.Method, asked.Scheme, asked.Host, asked.PathBase, asked.Path) =
            ("POST", socket.Request.Scheme, socket.Request.Host, socket.Request.PathBase, Path(target, socket.Request.PathBase));
        context.Features.Get<IHttpRequestFeature>()!.RawTarget = target;

        // A scheme that a policy names finds its cookie or token there.
        foreach (var (name, value) in socket.Request.Headers)
            asked.Headers[name] = value;
        foreach (var name in new[] { Headers.IdempotencyKey, "If-Match", "If-None-Match", "Content-Encoding" })
            asked.Headers.Remove(name);

        // The bytes as they came, so that a retry over HTTP with the same key is known as one.
        var body = json is { } sent ? JsonMarshal.GetRawUtf8Value(sent).ToArray() : [];
        (asked.ContentType, asked.ContentLength, asked.Body) = ("application/json", body.Length, new MemoryStream(body));
    }

    /// <summary>A path as it would stand in a request, decoded and without the base that the application is mounted at.</summary>
    private static PathString Path(string target, PathString pathBase)
    {
        if (!target.StartsWith('/') || target.Any(c => c is <= ' ' or > '~' or '?' or '#'))
            throw RpcException.Wrong("path", $"'{target}' is no path: expected one as in a URL, escaped, such as /orders/42/close.");
        var path = PathString.FromUriComponent(target);
        if (path.Value!.Split('/').Any(segment => segment is "." or ".."))
            throw RpcException.Wrong("path", $"'{target}' has '.' or '..' in it; send the path that they lead to.");
        return pathBase.HasValue && path.StartsWithSegments(pathBase, out var rest) ? rest : path;
    }

    private static async ValueTask Authorize(HttpContext context)
    {
        var metadata = context.GetEndpoint()!.Metadata;
        var demands = metadata.GetOrderedMetadata<IAuthorizeData>();
        var policies = metadata.GetOrderedMetadata<AuthorizationPolicy>();
        var requirements = metadata.GetOrderedMetadata<IAuthorizationRequirementData>();
        var services = context.RequestServices;
        var isDemanded = demands.Count + policies.Count + requirements.Count > 0;
        if (services.GetService<IAuthorizationPolicyProvider>() is not { } provider)
        {
            if (isDemanded)
                throw new InvalidOperationException($"{context.Request.Path} demands authorisation, and the application does not call AddAuthorization.");
            return;
        }

        var policy = await AuthorizationPolicy.CombineAsync(provider, demands, policies);
        if (requirements.Count > 0)
        {
            var all = new AuthorizationPolicyBuilder();
            if (policy is not null)
                all.Combine(policy);
            foreach (var requirement in requirements.SelectMany(data => data.GetRequirements()))
                all.Requirements.Add(requirement);
            policy = all.Build();
        }

        if (policy is null || metadata.GetMetadata<IAllowAnonymous>() is not null)
            return;
        var evaluator = services.GetRequiredService<IPolicyEvaluator>();
        var known = await evaluator.AuthenticateAsync(policy, context);
        var result = await evaluator.AuthorizeAsync(policy, known, context, context);
        if (!result.Succeeded)
            throw new ProblemException(Problem.NotAllowed(result.Forbidden, $"post to {context.Request.Path}"));
    }

    /// <summary>An endpoint of the application's own may answer with something else, of which the status is told.</summary>
    private static ReadOnlyMemory<byte> Json(HttpResponse response, ReadOnlyMemory<byte> body)
    {
        if (body.Length > 0 && response.ContentType?.Contains("json", StringComparison.OrdinalIgnoreCase) is true)
            return body;
        var status = response.StatusCode;
        return status < StatusCodes.Status400BadRequest
            ? ReadOnlyMemory<byte>.Empty
            : new Problem(status, "refused", "The command is refused", $"The server answered {status} {ReasonPhrases.GetReasonPhrase(status)}.").Json();
    }
}
