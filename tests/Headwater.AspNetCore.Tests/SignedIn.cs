using System.Net;
using System.Net.Http.Headers;
using System.Security.Claims;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Headwater.AspNetCore.Tests;

/// <summary>The application of orders with users: by token, as programs sign in, or by cookie, as browsers do.</summary>
internal static class SignedIn
{
    public static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());

    private static readonly SymmetricSecurityKey key = new("a key that only tests have, 32 B."u8.ToArray());

    /// <summary>The feed <c>own</c> may be followed by whom its key names, the feed <c>staff</c> by cookie only.</summary>
    public static Task<OrdersApp> Start(TimeProvider? time = null, Action<HeadwaterBuilder>? configure = null) => OrdersApp.Start(
        headwater =>
        {
            if (time is not null)
                headwater.Services.AddSingleton(time);
            headwater
                .AddFeed("own", feed => feed.EventsByTag("customer").Contract<OrderEvent.Opened, OpenedContract>("order-opened", (e, happened) => new(happened.Stream.Key, e.Customer)).RequireAuthorization("named-by-key"))
                .AddFeed("signed-in", feed => feed.Rows("orders", "order-row").RequireAuthorization())
                .AddFeed("staff", feed => feed.Rows("orders", "order-row").RequireAuthorization(policy =>
                    policy.AddAuthenticationSchemes(CookieAuthenticationDefaults.AuthenticationScheme).RequireRole("staff")));
            configure?.Invoke(headwater);
        },
        services: services =>
        {
            services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme)
                .AddJwtBearer(jwt =>
                {
                    jwt.MapInboundClaims = false;
                    jwt.TokenValidationParameters = new() { ValidateIssuer = false, ValidateAudience = false, IssuerSigningKey = key, NameClaimType = "name" };
                })
                .AddCookie(cookie => cookie.ExpireTimeSpan = TimeSpan.FromMinutes(20));
            services.AddAuthorization(authorization => authorization.AddPolicy("named-by-key", policy => policy.AddRequirements(new NamedByKey())));
            services.AddScoped<IAuthorizationHandler, NamedByKeyHandler>();
        },
        use: app => app.MapPost("/sign-in/{user}", (string user) => Microsoft.AspNetCore.Http.Results.SignIn(
            new ClaimsPrincipal(new ClaimsIdentity([new(ClaimTypes.Name, user), new(ClaimTypes.Role, "staff")], "password")),
            authenticationScheme: CookieAuthenticationDefaults.AuthenticationScheme)));

    /// <summary>A client with a token.</summary>
    public static HttpClient Bearer(this OrdersApp app, string user, DateTimeOffset? expires = null)
    {
        var token = new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Subject = new ClaimsIdentity([new("sub", $"id of {user}"), new("name", user)]),
            NotBefore = Now.AddHours(-2).UtcDateTime,
            Expires = (expires ?? Now.AddHours(1)).UtcDateTime,
            SigningCredentials = new SigningCredentials(key, SecurityAlgorithms.HmacSha256),
        });
        return new HttpClient { BaseAddress = app.Client.BaseAddress, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", token) } };
    }

    /// <summary>A client with a cookie, as a browser sends it with EventSource.</summary>
    public static async Task<HttpClient> Cookie(this OrdersApp app, string user)
    {
        var client = new HttpClient(new HttpClientHandler { CookieContainer = new CookieContainer() }) { BaseAddress = app.Client.BaseAddress };
        (await client.PostAsync($"/sign-in/{user}", null)).EnsureSuccessStatusCode();
        return client;
    }

    private sealed class NamedByKey : IAuthorizationRequirement;

    private sealed class NamedByKeyHandler : AuthorizationHandler<NamedByKey, FeedSubscriber>
    {
        protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, NamedByKey requirement, FeedSubscriber resource)
        {
            if (resource.Feed == "own" && resource.Key == context.User.Identity?.Name)
                context.Succeed(requirement);
            return Task.CompletedTask;
        }
    }
}
