using System.Net;

namespace Headwater.AspNetCore.Tests;

public sealed class AuthorizationTests : IAsyncLifetime
{
    private OrdersApp app = null!;

    public async ValueTask InitializeAsync() => app = await SignedIn.Start();

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    [Theory]
    [InlineData("ann", "/feeds/own/ann", HttpStatusCode.OK)]
    [InlineData("ann", "/feeds/own/bob", HttpStatusCode.Forbidden)]
    [InlineData(null, "/feeds/own/ann", HttpStatusCode.Unauthorized)]
    [InlineData("ann", "/feeds/signed-in", HttpStatusCode.OK)]
    [InlineData(null, "/feeds/signed-in", HttpStatusCode.Unauthorized)]
    [InlineData("ann", "/feeds?feed=signed-in&feed=own/bob", HttpStatusCode.Forbidden)]
    public async Task A_policy_sees_user_and_key(string? user, string path, HttpStatusCode status)
    {
        using var client = user is null ? null : app.Bearer(user);
        using var response = await (client ?? app.Client).GetAsync(path, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task A_token_that_has_expired_is_none()
    {
        using var client = app.Bearer("ann", SignedIn.Now.AddHours(-1));
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("/feeds/signed-in", HttpCompletionOption.ResponseHeadersRead)).StatusCode);
    }

    /// <summary>The lifetime's leeway would let it in, and its stream would be over at once.</summary>
    [Fact]
    public async Task A_token_that_has_expired_a_moment_ago_is_none()
    {
        using var client = app.Bearer("ann", DateTimeOffset.UtcNow.AddSeconds(-2));
        var response = await client.GetAsync("/feeds/signed-in", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Contains("expired", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_policy_may_name_another_scheme_than_the_default()
    {
        using var cookie = await app.Cookie("ann");
        using var bearer = app.Bearer("ann");
        Assert.Equal(HttpStatusCode.OK, (await cookie.GetAsync("/feeds/staff", HttpCompletionOption.ResponseHeadersRead)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await cookie.GetAsync("/feeds/signed-in", HttpCompletionOption.ResponseHeadersRead)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await bearer.GetAsync("/feeds/staff", HttpCompletionOption.ResponseHeadersRead)).StatusCode);
    }

    [Fact]
    public async Task Of_several_rules_all_must_allow_it()
    {
        await app.DisposeAsync();
        app = await SignedIn.Start(configure: headwater => headwater.AddFeed("twice", feed => feed.Rows("orders", "order-row")
            .RequireAuthorization().Allow((who, _) => ValueTask.FromResult(who.Key == "1"))));
        using var client = app.Bearer("ann");
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/feeds/twice/1", HttpCompletionOption.ResponseHeadersRead)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await client.GetAsync("/feeds/twice/2", HttpCompletionOption.ResponseHeadersRead)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await app.Client.GetAsync("/feeds/twice/1", HttpCompletionOption.ResponseHeadersRead)).StatusCode);
    }

    [Fact]
    public async Task A_mistake_is_found_at_the_start()
    {
        var none = await Assert.ThrowsAsync<InvalidOperationException>(() => OrdersApp.Start(headwater => headwater.AddFeed("secret", feed => feed.Rows("orders", "order-row").RequireAuthorization())));
        Assert.Contains("'secret' requires authorization", none.Message, StringComparison.Ordinal);
        var both = await Assert.ThrowsAsync<InvalidOperationException>(() => SignedIn.Start(configure: headwater => headwater.AddFeed("secret", feed => feed.Rows("orders", "order-row").RequireAuthorization().AllowAnonymous())));
        Assert.Contains("keep AllowAnonymous or the rule", both.Message, StringComparison.Ordinal);
    }
}
