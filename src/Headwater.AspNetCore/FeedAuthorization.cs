using Headwater.AspNetCore;
using Microsoft.AspNetCore.Authorization;

namespace Headwater;

/// <summary>Rules of feeds by ASP.NET Core's authorisation.</summary>
public static class FeedAuthorization
{
    /// <summary>
    /// Lets those follow a feed whom policies allow, or, if none is named, the default policy: who is signed in. Policies are given the
    /// <see cref="FeedSubscriber"/> as resource, so that an <c>AuthorizationHandler&lt;TRequirement, FeedSubscriber&gt;</c> sees user,
    /// feed and key. They are asked at every start and resume, and again and again while a stream is live.
    /// </summary>
    /// <param name="feed">The feed.</param>
    /// <param name="policies">Names of policies, all of which must allow it.</param>
    /// <exception cref="InvalidOperationException">At the start: the application has no authorisation.</exception>
    public static FeedBuilder RequireAuthorization(this FeedBuilder feed, params string[] policies)
    {
        ArgumentNullException.ThrowIfNull(feed);
        ArgumentNullException.ThrowIfNull(policies);
        var asked = Asked(policies);
        return feed.Allow(services => PolicyRule.For(feed.Name, services, provider => AuthorizationPolicy.CombineAsync(provider, asked)));
    }

    /// <summary>
    /// Lets those follow a topic, and see who is there, whom policies allow, or, if none is named, the default policy; see
    /// <see cref="RequireAuthorization(FeedBuilder, string[])"/>.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="policies">Names of policies, all of which must allow it.</param>
    /// <exception cref="InvalidOperationException">At the start: the application has no authorisation.</exception>
    public static TopicBuilder RequireAuthorization(this TopicBuilder topic, params string[] policies)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(policies);
        var asked = Asked(policies);
        return topic.Allow(services => PolicyRule.For(topic.Name, services, provider => AuthorizationPolicy.CombineAsync(provider, asked)));
    }

    /// <summary>Lets those follow a feed whom a policy allows that is described here. It is given the <see cref="FeedSubscriber"/> as resource.</summary>
    /// <param name="feed">The feed.</param>
    /// <param name="policy">Describes the policy.</param>
    /// <exception cref="InvalidOperationException">At the start: the application has no authorisation.</exception>
    public static FeedBuilder RequireAuthorization(this FeedBuilder feed, Action<AuthorizationPolicyBuilder> policy)
    {
        ArgumentNullException.ThrowIfNull(feed);
        ArgumentNullException.ThrowIfNull(policy);
        var described = new AuthorizationPolicyBuilder();
        policy(described);
        var built = Task.FromResult<AuthorizationPolicy?>(described.Build());
        return feed.Allow(services => PolicyRule.For(feed.Name, services, _ => built));
    }

    private static AuthorizeAttribute[] Asked(string[] policies) =>
        policies.Length == 0 ? [new()] : [.. policies.Select(policy => new AuthorizeAttribute(policy))];
}
