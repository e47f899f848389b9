using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Template;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.AspNetCore;

/// <summary>Marks an endpoint that a socket may reach, and by which of its methods.</summary>
internal sealed class SocketMethod
{
    public static readonly SocketMethod Command = new();
    public static readonly SocketMethod Publish = new();
}

/// <summary>Finds the endpoint that a POST to a path reaches, as the application's routing does.</summary>
internal sealed class PostEndpoints(IServiceProvider services)
{
    // The application may map more later.
    private Known known = new([], []);

    /// <summary>Gives the request its endpoint and route values.</summary>
    /// <returns>False if nothing is mapped there that the method may reach.</returns>
    public bool Route(HttpContext context, SocketMethod method)
    {
        foreach (var candidate in Candidates())
        {
            var values = new RouteValueDictionary();
            if (!candidate.Matcher.TryMatch(context.Request.Path, values) || !Satisfies(context, candidate.Endpoint, values))
                continue;

            // Something else that the application maps more precisely stands before it, here as over HTTP.
            if (candidate.Endpoint.Metadata.GetMetadata<SocketMethod>() != method)
                return false;
            context.SetEndpoint(candidate.Endpoint);
            context.Request.RouteValues = values;
            return true;
        }

        return false;
    }

    private Candidate[] Candidates()
    {
        var endpoints = services.GetRequiredService<EndpointDataSource>().Endpoints;
        if (!ReferenceEquals(endpoints, known.Endpoints))
            known = new Known(endpoints,
            [
                .. from endpoint in endpoints.OfType<RouteEndpoint>()
                   where TakesPost(endpoint) && !IsBoundToHosts(endpoint)
                   orderby endpoint.Order, endpoint.RoutePattern.InboundPrecedence
                   select new Candidate(endpoint, new TemplateMatcher(new RouteTemplate(endpoint.RoutePattern), new RouteValueDictionary(endpoint.RoutePattern.Defaults))),
            ]);
        return known.Candidates;
    }

    private static bool TakesPost(RouteEndpoint endpoint) =>
        endpoint.Metadata.GetMetadata<IHttpMethodMetadata>() is not { HttpMethods: { Count: > 0 } methods }
        || methods.Contains("POST", StringComparer.OrdinalIgnoreCase);

    /// <summary>Such an endpoint is left to HTTP, where the application says which hosts are meant for whom.</summary>
    private static bool IsBoundToHosts(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<IHostMetadata>() is { Hosts.Count: > 0 };

    private bool Satisfies(HttpContext context, RouteEndpoint endpoint, RouteValueDictionary values)
    {
        var factory = services.GetRequiredService<ParameterPolicyFactory>();
        foreach (var (name, policies) in endpoint.RoutePattern.ParameterPolicies)
            foreach (var policy in policies)
                if (factory.Create(endpoint.RoutePattern.GetParameter(name), policy) is IRouteConstraint constraint
                    && !constraint.Match(context, null, name, values, RouteDirection.IncomingRequest))
                    return false;
        return true;
    }

    private sealed record Candidate(RouteEndpoint Endpoint, TemplateMatcher Matcher);

    private sealed record Known(IReadOnlyList<Endpoint> Endpoints, Candidate[] Candidates);
}
