using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.AspNetCore;

/// <summary>A feed's rule that ASP.NET Core's authorisation decides, with the <see cref="FeedSubscriber"/> as resource.</summary>
internal sealed class PolicyRule(IServiceScopeFactory scopes, Func<IAuthorizationPolicyProvider, Task<AuthorizationPolicy?>> policyOf)
{
    /// <exception cref="InvalidOperationException">The application has no authorisation.</exception>
    public static FeedRule For(string feed, IServiceProvider services, Func<IAuthorizationPolicyProvider, Task<AuthorizationPolicy?>> policyOf) =>
        services.GetService<IAuthorizationPolicyProvider>() is not null && services.GetService<IAuthorizationService>() is not null
            ? new PolicyRule(services.GetRequiredService<IServiceScopeFactory>(), policyOf).Allows
            : throw new InvalidOperationException(
                $"The feed '{feed}' requires authorization, and the application has none: call builder.Services.AddAuthorization().");

    private async ValueTask<bool> Allows(FeedSubscriber subscriber, CancellationToken cancel)
    {
        // The application's handlers may need services of a request's kind, such as a database context. A live stream is asked about
        // for longer than they should live.
        await using var scope = scopes.CreateAsyncScope();
        var services = scope.ServiceProvider;
        var policy = await policyOf(services.GetRequiredService<IAuthorizationPolicyProvider>())
            ?? throw new InvalidOperationException($"The feed '{subscriber.Feed}' requires authorization, but by no policy.");
        if (policy.AuthenticationSchemes.Count > 0)
            subscriber = subscriber with { User = await AuthenticatedBy(policy, subscriber) };
        return (await services.GetRequiredService<IAuthorizationService>().AuthorizeAsync(subscriber.User, subscriber, policy)).Succeeded;
    }

    private static ValueTask<ClaimsPrincipal> AuthenticatedBy(AuthorizationPolicy policy, FeedSubscriber subscriber) =>
        subscriber.Caller is Caller caller
            ? caller.AuthenticatedBy(policy.AuthenticationSchemes)
            : throw new InvalidOperationException(
                $"The feed '{subscriber.Feed}' names authentication schemes, and its subscriber did not come over HTTP.");
}
