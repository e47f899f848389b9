using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Headwater.AspNetCore.Tests;

/// <summary>A live stream ends with the right to it.</summary>
public sealed class LifeTests : IAsyncLifetime
{
    private readonly FakeTimeProvider time = new(SignedIn.Now);
    private Func<FeedSubscriber, bool> rule = _ => true;
    private OrdersApp app = null!;

    public async ValueTask InitializeAsync() => app = await SignedIn.Start(time, headwater => headwater
        .AddFeed("changing", feed => feed.Rows("orders", "order-row").Allow((who, _) => ValueTask.FromResult(rule(who)))));

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    [Fact]
    public async Task Before_a_token_expires_its_stream_is_warned_and_with_it_the_stream_ends()
    {
        var expires = SignedIn.Now.AddMinutes(10);
        using var client = app.Bearer("ann", expires);
        using var feed = await Follow(client, "/feeds/signed-in");
        await WarnedAndEnded(feed, expires);
    }

    [Fact]
    public async Task So_it_is_with_a_cookie_of_a_scheme_that_only_the_policy_names()
    {
        using var client = await app.Cookie("ann");
        using var feed = await Follow(client, "/feeds/staff");
        await WarnedAndEnded(feed, SignedIn.Now.AddMinutes(20));
    }

    [Fact]
    public async Task A_poll_that_waits_is_answered_when_its_token_expires()
    {
        app.Node.Options.MaxWait = TimeSpan.FromMinutes(10);
        using var client = app.Bearer("ann", SignedIn.Now.AddMinutes(1));
        var request = new HttpRequestMessage(HttpMethod.Get, "/feeds/signed-in") { Headers = { { "Accept", "application/json" }, { "Prefer", "wait=500" } } };
        var answer = client.SendAsync(request);
        await Open(1);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.True((await answer.WaitAsync(TimeSpan.FromSeconds(20))).IsSuccessStatusCode);
    }

    [Fact]
    public async Task A_revoked_user_loses_the_live_streams_and_nobody_else_does()
    {
        using var ann = app.Bearer("ann");
        using var bob = app.Bearer("bob");
        using var anns = await Follow(ann, "/feeds/signed-in");
        using var bobs = await Follow(bob, "/feeds/signed-in");
        var revocation = app.Services.GetRequiredService<FeedRevocation>();

        Assert.Equal(0, revocation.Revoke("nobody"));
        Assert.Equal(1, revocation.Revoke("id of ann"));
        await Forbidden(anns);
        await app.Post("/orders/1/open", new Open("cid"));
        Assert.Equal("order-row", (await bobs.NextEvent()).Event);

        Assert.Equal(1, revocation.Revoke("bob"));
        await Forbidden(bobs);
        using var cid = app.Bearer("cid");
        using var cids = await Follow(cid, "/feeds/signed-in");
        Assert.Equal(1, revocation.Revoke(user => user.HasClaim("sub", "id of cid")));
        await Forbidden(cids);
    }

    /// <summary>Between the rules' yes and the stream's begin somebody is revoked.</summary>
    [Fact]
    public async Task A_revocation_while_the_rules_are_asked_is_not_lost()
    {
        var isAllowed = true;
        rule = _ =>
        {
            var allows = isAllowed;
            isAllowed = false;
            app.Services.GetRequiredService<FeedRevocation>().Revoke("ann");
            return allows;
        };
        using var client = app.Bearer("ann");
        using var feed = await SseStream.Open(client, "/feeds/changing", null);
        Assert.Equal(System.Net.HttpStatusCode.Forbidden, feed.Response.StatusCode);
    }

    [Fact]
    public async Task Rules_are_asked_again_of_a_live_stream()
    {
        using var feed = await Follow(app.Client, "/feeds/changing/7");
        var asked = new TaskCompletionSource<FeedSubscriber>(TaskCreationOptions.RunContinuationsAsynchronously);
        rule = who =>
        {
            asked.TrySetResult(who);
            return true;
        };
        time.Advance(app.Node.Options.RecheckRules);
        Assert.Equal("7", (await asked.Task.WaitAsync(TimeSpan.FromSeconds(20))).Key);

        // And again, and now it says no. The second asking is arranged once the first has been answered.
        rule = _ => false;
        var end = Ends(feed, "unauthorized");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!end.IsCompleted)
        {
            limit.Token.ThrowIfCancellationRequested();
            time.Advance(app.Node.Options.RecheckRules);
            await Task.Yield();
        }

        await end;
    }

    [Fact]
    public async Task A_rule_that_fails_does_not_mean_yes()
    {
        using var feed = await Follow(app.Client, "/feeds/changing");
        rule = _ => throw new InvalidOperationException("The rule's database is away.");
        time.Advance(app.Node.Options.RecheckRules);
        await Ends(feed, "unavailable");
    }

    private static async Task<SseStream> Follow(HttpClient client, string path)
    {
        var feed = await SseStream.Open(client, path, null);
        Assert.Equal("connected", (await feed.Next())!.Comment);
        return feed;
    }

    private async Task WarnedAndEnded(SseStream feed, DateTimeOffset expires)
    {
        time.Advance(expires - SignedIn.Now - app.Node.Options.ExpiryWarning - TimeSpan.FromSeconds(1));
        await app.Post("/orders/1/open", new Open("ann"));
        Assert.Equal("order-row", (await feed.NextEvent()).Event);
        time.Advance(TimeSpan.FromSeconds(1));
        var warning = await feed.NextEvent();
        Assert.Equal("expiring", warning.Event);
        Assert.Null(warning.Id);
        Assert.Equal(expires, JsonDocument.Parse(warning.Data!).RootElement.GetProperty("at").GetDateTimeOffset());

        await app.Post("/orders/2/open", new Open("ann"));
        Assert.Equal("order-row", (await feed.NextEvent()).Event);
        time.Advance(app.Node.Options.ExpiryWarning);
        var last = await feed.Next();
        while (last is { Comment: null })
            last = await feed.Next();
        Assert.Equal("the sign-in has expired", last!.Comment);
        Assert.Equal(feed.LastEventId, (await feed.Next())!.Id);
        Assert.Null(await feed.Next());
    }

    private static Task Forbidden(SseStream feed) => Ends(feed, "forbidden");

    private static async Task Ends(SseStream feed, string code)
    {
        SseBlock block;
        do
            block = await feed.NextEvent();
        while (block.Event == "order-row");
        Assert.Equal("problem", block.Event);
        Assert.Null(block.Id);
        Assert.Equal(code, JsonDocument.Parse(block.Data!).RootElement.GetProperty("code").GetString());
        Assert.Null(await feed.Next());
    }

    private async Task Open(int connections)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            using var health = JsonDocument.Parse(await app.Client.GetStringAsync("/health/detail", limit.Token));
            if (health.RootElement.GetProperty("feedConnections").GetInt32() == connections)
                return;
        }
    }
}
