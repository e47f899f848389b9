using Headwater.AspNetCore;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater;

/// <summary>The routes of one kind of stream. Conventions added to it, such as authorisation, hold for all of them.</summary>
/// <typeparam name="TState">The state.</typeparam>
/// <typeparam name="TEvent">The base type of its events.</typeparam>
public sealed class StreamRoutes<TState, TEvent> : IEndpointConventionBuilder
    where TState : IState<TState, TEvent>
    where TEvent : notnull
{
    private readonly RouteGroupBuilder group;
    private readonly StreamEndpoint<TState, TEvent> endpoint;

    internal StreamRoutes(IEndpointRouteBuilder endpoints, string pattern)
    {
        var parameters = RoutePatternFactory.Parse(pattern).Parameters;
        if (parameters.Count != 1)
            throw new ArgumentException(
                $"The route '{pattern}' has {parameters.Count} parameters; expected one, the stream's key, as in /flights/{{flight}}.", nameof(pattern));

        var services = endpoints.ServiceProvider;
        group = endpoints.MapGroup(pattern);
        endpoint = new StreamEndpoint<TState, TEvent>(
            services.GetRequiredService<Node>(), services.GetRequiredService<Decider<TState, TEvent>>(), parameters[0].Name);
        group.MapMethods("", Headers.Reading, endpoint.Get);
    }

    /// <summary>
    /// Maps a command to <c>POST {pattern}/{name}</c>. The body is the command as JSON. The answer is the new state with its
    /// version in <c>ETag</c> and its cursor in <c>Headwater-Cursor</c>; <c>If-Match</c>, <c>If-None-Match: *</c> and
    /// <c>Idempotency-Key</c> are understood.
    /// </summary>
    /// <typeparam name="TCommand">The command.</typeparam>
    /// <param name="name">The last part of the path, such as <c>gate</c>.</param>
    public StreamRoutes<TState, TEvent> MapCommand<TCommand>(string name)
        where TCommand : ICommand<TState, TEvent>
    {
        var body = new CommandBody<TCommand>(endpoint.Node);
        group.MapPost(name, (RequestDelegate)(context => endpoint.Post(context, body.Read))).WithMetadata(SocketMethod.Command);
        return this;
    }

    /// <inheritdoc/>
    public void Add(Action<EndpointBuilder> convention) => ((IEndpointConventionBuilder)group).Add(convention);

    /// <inheritdoc/>
    public void Finally(Action<EndpointBuilder> finallyConvention) => ((IEndpointConventionBuilder)group).Finally(finallyConvention);
}
