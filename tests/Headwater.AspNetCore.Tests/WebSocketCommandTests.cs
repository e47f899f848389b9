using System.Net;
using System.Security.Claims;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Headwater.AspNetCore.Tests;

/// <summary>Commands over a WebSocket: the same endpoints, answers and authorisation as over HTTP.</summary>
public sealed class WebSocketCommandTests : IAsyncLifetime
{
    private const int HasProblem = -32000;

    private readonly WatchedTime time = new();
    private volatile bool isAllowed = true;
    private OrdersApp app = null!;

    public async ValueTask InitializeAsync() => app = await OrdersApp.Start(
        headwater =>
        {
            headwater.Services.AddSingleton<TimeProvider>(time);
            headwater.Services.AddAuthentication("test").AddScheme<AuthenticationSchemeOptions, ByHeader>("test", null).AddScheme<AuthenticationSchemeOptions, ByHeader>("other", null);
            headwater.Services.AddAuthorizationBuilder().AddPolicy("staff", policy => policy.RequireRole("staff"))
                .AddPolicy("other", policy => policy.AddAuthenticationSchemes("other").RequireRole("staff"));
            headwater.Configure(options => options.RecheckRules = TimeSpan.FromMinutes(1));
            headwater.AddFeed("while-allowed", feed => feed.Rows("orders", "order-row").Allow((_, _) => ValueTask.FromResult(isAllowed)));
            headwater.AddFeed("own", feed => feed.Rows("orders", "order-row").Allow((who, _) => ValueTask.FromResult(who.User.Identity?.Name == who.Key)));
        },
        use: routes =>
        {
            Commands(routes, "/members/{order}").RequireAuthorization();
            Commands(routes, "/staff/{order}").RequireAuthorization("staff");
            Commands(routes, "/other/{order}").RequireAuthorization("other");
            Commands(routes, "/open/{order}").RequireAuthorization("staff").AllowAnonymous();
            Commands(routes, "/hosted/{order}").RequireHost("internal.example");
            Commands(routes, "/short/{order:maxlength(3)}");
            routes.MapPost("/orders/shadowed/open", () => Results.Ok());
            routes.MapPost("/plain", () => Results.Ok());
        });

    public ValueTask DisposeAsync() => app.DisposeAsync();

    [Fact]
    public async Task A_command_is_answered_as_over_http()
    {
        using var socket = await TestSocket.Open(app);
        await socket.Command("/orders/1/open", new Open("ann"));
        var accepted = await socket.Command("/orders/1/items", new AddItem("tea", 2));
        var http = await app.Client.GetAsync("/orders/1");
        Assert.Equal(200, accepted.GetProperty("status").GetInt32());
        Assert.Equal("\"2\"", accepted.GetProperty("etag").GetString());
        Assert.Equal(http.Headers.GetValues("Headwater-Cursor").Single(), accepted.GetProperty("cursor").GetString());
        Assert.Equal(await http.Content.ReadAsStringAsync(), accepted.GetProperty("body").GetRawText());

        // What it led to comes to the same socket, and a body may be left out where it would be empty.
        await socket.Subscribe("all", "order-events", "start");
        await socket.Command("/orders/1/close", null);
        Assert.Equal(["order-opened", "item-added", "order-closed.v2"], (await socket.NextEvents(3)).Select(each => each.GetProperty("event").GetString()));
    }

    [Fact]
    public async Task A_refusal_is_an_error_with_the_problem()
    {
        using var socket = await TestSocket.Open(app);
        await socket.Command("/orders/1/open", new Open("ann"));
        await Problem(socket.Refused("/orders/1/open", new Open("ann")), 409, "order-open");
        await Problem(socket.Refused("/orders/1/items", new AddItem("tea", 0)), 422, "no-count");
        await Problem(socket.Refused("/orders/1/items", new { item = "tea", count = 1, colour = "green" }), 400, "malformed-command");
        await Problem(socket.Refused("/orders/1/items", null), 400, "malformed-command");
        await Problem(socket.Refused("/orders/1/items", new AddItem("tea", 1), ("ifMatch", "\"7\"")), 412, "stale-version");
        await Problem(socket.Refused("/orders/1/items", new AddItem("tea", 1), ("ifNoneMatch", "*")), 412, "stale-version");
        await Problem(socket.Refused("/orders/1/items", new AddItem("tea", 1), ("ifMatch", "7")), 400, "bad-parameter");
        await socket.Command("/orders/1/items", new AddItem("tea", 1), ("ifMatch", "\"1\""));
    }

    [Fact]
    public async Task A_retry_with_its_key_happens_once_even_over_another_transport()
    {
        using var socket = await TestSocket.Open(app);
        var first = await socket.Command("/orders/1/open", new Open("ann"), ("idempotencyKey", "k1"));
        var again = await socket.Command("/orders/1/open", new Open("ann"), ("idempotencyKey", "k1"));
        Assert.Equal(first.GetRawText(), again.GetRawText());
        var overHttp = await app.Post("/orders/1/open", new Open("ann"), ("Idempotency-Key", "k1"));
        Assert.Equal(HttpStatusCode.OK, overHttp.StatusCode);
        Assert.Equal(first.GetProperty("cursor").GetString(), overHttp.Headers.GetValues("Headwater-Cursor").Single());
        await Problem(socket.Refused("/orders/1/open", new Open("bob"), ("idempotencyKey", "k1")), 422, "idempotency-key-reused");
    }

    [Theory]
    [InlineData("/orders/1")]
    [InlineData("/orders/1/sing")]
    [InlineData("/plain")]
    [InlineData("/orders/shadowed/open")]
    [InlineData("/hosted/1/open")]
    [InlineData("/short/1234/open")]
    [InlineData("/list")]
    [InlineData("/health")]
    public async Task Only_commands_can_be_reached(string path)
    {
        using var socket = await TestSocket.Open(app);
        await Problem(socket.Refused(path, new Open("ann")), 404, "not-found");
    }

    [Theory]
    [InlineData("/orders/a%20b/open", "a b")]
    [InlineData("/orders/%C3%A9/open", "é")]
    [InlineData("/short/123/open", "123")]
    public async Task A_path_is_read_as_in_a_url(string path, string key)
    {
        using var socket = await TestSocket.Open(app);
        await socket.Command(path, new Open("ann"));
        var happened = Assert.Single((await app.Node.Log.Read(new LogFilter.Category("order"), Position.Start, 10)).Events);
        Assert.Equal(key, happened.Stream.Key);
        await Problem(socket.Refused("/orders/a%2Fb/open", new Open("ann")), 400, "bad-parameter");
        await Problem(socket.Refused("/orders/%E9/open", new Open("ann")), 400, "bad-parameter");
    }

    [Theory]
    [InlineData(null, "/members/1/open", 401)]
    [InlineData("ann", "/members/1/open", 200)]
    [InlineData("ann", "/staff/1/open", 403)]
    [InlineData("bob:staff", "/staff/1/open", 200)]
    [InlineData(null, "/staff/1/open", 401)]
    [InlineData("ann", "/other/1/open", 403)]
    [InlineData("bob:staff", "/other/1/open", 200)]
    [InlineData(null, "/open/1/open", 200)]
    public async Task A_command_is_authorised_as_its_endpoint_demands(string? user, string path, int status)
    {
        (string, string)[] signedIn = user is null ? [] : [("X-User", user)];
        using var socket = await TestSocket.Open(app, signedIn);
        if (status != 200)
            await Problem(socket.Refused(path, new Open("ann")), status, status == 401 ? "unauthorized" : "forbidden");
        else
            await socket.Command(path, new Open("ann"));
        var request = new HttpRequestMessage(HttpMethod.Post, path.Replace("/1/", "/2/", StringComparison.Ordinal)) { Content = new StringContent("""{"customer":"ann"}""", null, "application/json") };
        foreach (var (name, value) in signedIn)
            request.Headers.Add(name, value);
        Assert.Equal(status, (int)(await app.Client.SendAsync(request)).StatusCode);

        var events = (await app.Node.Log.Read(new LogFilter.Category("order"), Position.Start, 10)).Events;
        Assert.Equal(status == 200 ? 2 : 0, events.Count);
        Assert.All(events, happened => Assert.Equal(user?.Split(':')[0], happened.Metadata.Actor));
    }

    [Fact]
    public async Task A_feeds_rule_sees_the_user_of_the_socket()
    {
        using var socket = await TestSocket.Open(app, ("X-User", "ann"));
        await socket.Subscribe("own", "own/ann");
        await Problem(socket.Error("subscribe", new JsonObject { ["subscription"] = "bobs", ["feeds"] = "own/bob" }), 403, "forbidden");
    }

    [Fact]
    public async Task A_subscription_ends_with_the_right_to_it_and_no_other_does()
    {
        using var socket = await TestSocket.Open(app, ("X-User", "ann"));
        await socket.Subscribe("lost", "while-allowed");
        await socket.Subscribe("kept", "order-events");
        isAllowed = false;
        time.Advance(TimeSpan.FromMinutes(1));
        (string Method, JsonElement Params) told;
        do
            told = await socket.NextEvent();
        while (told.Method != "problem");
        Assert.Equal(("lost", "forbidden"), (told.Params.GetProperty("subscription").GetString(), told.Params.GetProperty("problem").GetProperty("code").GetString()));
        await socket.Command("/orders/1/open", new Open("ann"));
        Assert.Equal("kept", (await socket.NextEvents(1))[0].GetProperty("subscription").GetString());
    }

    [Fact]
    public async Task A_socket_ends_when_its_user_is_revoked()
    {
        using var socket = await TestSocket.Open(app, ("X-User", "ann"));
        using var other = await TestSocket.Open(app, ("X-User", "bob"));
        await other.Subscribe("all", "order-events");
        app.Services.GetRequiredService<FeedRevocation>().Revoke("ann");
        var (method, bye) = await socket.NextEvent();
        Assert.Equal(("bye", "revoked"), (method, bye.GetProperty("reason").GetString()));
        await socket.ToEnd();
        await other.Command("/orders/1/open", new Open("bob"));
        Assert.Single(await other.NextEvents(1));
    }

    [Fact]
    public async Task A_socket_ends_with_its_sign_in()
    {
        using var socket = await TestSocket.Open(app, ("X-User", "ann"), ("X-Expires-In", "600"));
        await socket.Subscribe("all", "order-events");
        time.Advance(TimeSpan.FromSeconds(599));
        await socket.Command("/members/1/open", new Open("ann"));
        time.Advance(TimeSpan.FromSeconds(1));
        var (told, reason) = (new List<string>(), (string?)null);
        while (await socket.Next() is { } next)
        {
            told.Add(next.Method);
            reason = next.Method == "bye" ? next.Params.GetProperty("reason").GetString() : reason;
        }

        Assert.Contains("expiring", told);
        Assert.Equal("expired", reason);
    }

    private static StreamRoutes<Order, OrderEvent> Commands(IEndpointRouteBuilder routes, string pattern) =>
        routes.MapStream<Order, OrderEvent>(pattern).MapCommand<Open>("open");

    private static Task Problem(Task<(int Code, JsonElement Problem)> answer, int status, string type) =>
        WebSocketTests.Problem(answer, HasProblem, status, type);

    /// <summary>Believes what the request says of its user: a name, and a role behind a colon.</summary>
    private sealed class ByHeader(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            if (Request.Headers["X-User"].ToString().Split(':') is not [{ Length: > 0 } name, .. var roles])
                return Task.FromResult(AuthenticateResult.NoResult());
            var identity = new ClaimsIdentity([new Claim(ClaimTypes.Name, name), .. roles.Select(role => new Claim(ClaimTypes.Role, role))], Scheme.Name);
            var properties = new AuthenticationProperties();
            if (double.TryParse(Request.Headers["X-Expires-In"], System.Globalization.CultureInfo.InvariantCulture, out var seconds))
                properties.ExpiresUtc = TimeProvider.GetUtcNow().AddSeconds(seconds);
            return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), properties, Scheme.Name)));
        }
    }
}
