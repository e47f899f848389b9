using Headwater.Docs.Tests.Deciders;
using Headwater.Docs.Tests.Projections;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.Docs.Tests.Security;

public sealed class OwnsAccount : IAuthorizationRequirement;

public sealed class OwnsAccountHandler : AuthorizationHandler<OwnsAccount, FeedSubscriber>
{
    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, OwnsAccount requirement, FeedSubscriber resource)
    {
        if (resource.Key is { } account && context.User.HasClaim("account", account))
            context.Succeed(requirement);
        return Task.CompletedTask;
    }
}

internal static class Setup
{
    public static void Add(WebApplicationBuilder builder)
    {
        builder.Services.AddAuthentication(CookieAuthenticationDefaults.AuthenticationScheme).AddCookie();
        builder.Services.AddAuthorization(authorization => authorization.AddPolicy("owner", policy => policy.AddRequirements(new OwnsAccount())));
        builder.Services.AddSingleton<IAuthorizationHandler, OwnsAccountHandler>();
        builder.Services.AddHeadwater(headwater => headwater
            .AddFeed("deposits", feed => feed
                .Events("account")
                .Contract<AccountEvent.Deposited, DepositSeen>("deposit", (e, happened) => new(happened.Stream.Key, e.Amount))
                .RequireAuthorization("owner"))
            .AddFeed("holders", feed => feed.Rows("holders", contract: "holder").RequireAuthorization(policy => policy.RequireRole("teller"))));
    }

    public static void Dismiss(FeedRevocation revocation, string user)
    {
        // First what the rules go by: the roles, the session, the account. Then:
        revocation.Revoke(user);
    }
}
