using Headwater;
using Headwater.AspNetCore;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps Headwater's endpoints.</summary>
public static class HeadwaterEndpoints
{
    /// <summary>
    /// Maps the feeds (<c>/feeds</c>, <c>/feeds/{feed}</c>, <c>/feeds/{feed}/{key}</c>), the probe of what stands between a client
    /// and them (<c>/feeds/_probe</c>), feeds and commands over a WebSocket (<c>/ws</c>, for which the application must call
    /// <c>UseWebSockets</c>), and the health endpoints (<c>/health</c>, <c>/health/detail</c>, <c>/health/connections</c>).
    /// </summary>
    public static IEndpointConventionBuilder MapHeadwater(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var node = endpoints.ServiceProvider.GetRequiredService<Node>();
        var connections = new FeedConnections(
            node, endpoints.ServiceProvider.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        node.Begin(connections.Run);
        SocketWay.Allow(endpoints.ServiceProvider);

        var group = endpoints.MapGroup("");
        FeedEndpoint.Map(group, node, connections);
        FeedProbe.Map(group, node, connections);
        if (node.Topics is { } topics)
            TopicEndpoint.Map(group, node, topics);
        SocketEndpoint.Map(group, node, connections);
        HealthEndpoint.Map(group, node, connections);
        return group;
    }

    /// <summary>
    /// Maps a kind of stream: <c>GET</c> answers with a stream's state, now or (<c>?at=</c> an ISO 8601 instant or a cursor,
    /// <c>?version=</c> a version) as it was then; commands are added to what is returned.
    /// </summary>
    /// <typeparam name="TState">The state; it is answered as JSON.</typeparam>
    /// <typeparam name="TEvent">The base type of its events.</typeparam>
    /// <param name="endpoints">The application.</param>
    /// <param name="pattern">A route with one parameter, which is the stream's key, such as <c>/flights/{flight}</c>.</param>
    public static StreamRoutes<TState, TEvent> MapStream<TState, TEvent>(this IEndpointRouteBuilder endpoints, string pattern)
        where TState : IState<TState, TEvent>
        where TEvent : notnull
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        return new StreamRoutes<TState, TEvent>(endpoints, pattern);
    }

    /// <summary>
    /// Maps a read model: <c>GET</c> on the pattern answers with rows, filtered by indexed fields in the query string;
    /// <c>GET</c> on the pattern and a key with one row.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    /// <param name="pattern">A route, such as <c>/board</c>.</param>
    /// <param name="readModel">The projection's name.</param>
    public static IEndpointConventionBuilder MapReadModel(this IEndpointRouteBuilder endpoints, string pattern, string readModel)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var node = endpoints.ServiceProvider.GetRequiredService<Node>();
        if (!node.ReadModels.TryGetValue(readModel, out var model))
            throw new ArgumentException(
                $"There is no read model '{readModel}'; there are {string.Join(", ", node.ReadModels.Keys)}.", nameof(readModel));

        var group = endpoints.MapGroup(pattern);
        new ReadModelEndpoint(node, model).Map(group);
        return group;
    }
}
