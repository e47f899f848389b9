using System.Net;
using System.Net.Http.Headers;
using System.Security.Claims;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using static Headwater.AspNetCore.Tests.Words;

namespace Headwater.AspNetCore.Tests;

/// <summary>Topics over HTTP: publish, follow by stream and by page, and who is there. A header says who asks.</summary>
public sealed class TopicTests : IAsyncLifetime
{
    private WebApplication app = null!;
    private HttpClient client = null!;

    private Topics Topics => app.Services.GetRequiredService<Topics>();

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddHeadwater(headwater => headwater
            .UseMemory()
            .Configure(options => (options.Heartbeat, options.DrainSpread) = (TimeSpan.FromMilliseconds(100), TimeSpan.Zero))
            .AddTopic("chat", topic => topic
                .AllowAnonymous()
                .AllowPublish((caller, _) => ValueTask.FromResult(caller.Key != "closed"))
                .AllowMembers((_, _) => ValueTask.FromResult(true), perKey: 3)
                .Keep(messages: 5).MaxMessageBytes(1000).MaxKeys(20))
            .AddTopic("typing", topic => topic.AllowAnonymous().AllowPublish((_, _) => ValueTask.FromResult(true)).LatestByKey())
            .AddTopic("own", topic => topic
                .Allow((who, _) => ValueTask.FromResult(who.User.Identity!.IsAuthenticated))
                .AllowPublish((caller, _) => ValueTask.FromResult(caller.By == caller.User.Identity!.Name && caller.Name == "said"))
                .AllowMembers((caller, _) => ValueTask.FromResult(caller.User.Identity!.IsAuthenticated)))
            .AddTopic("silent", topic => topic.AllowAnonymous()));
        app = builder.Build();
        app.Use((context, next) =>
        {
            if (context.Request.Headers["User"] is [{ } name])
                context.User = new ClaimsPrincipal(new ClaimsIdentity([new(ClaimTypes.Name, name), new("sub", $"id-{name}")], "test"));
            return next();
        });
        app.MapHeadwater();
        await app.StartAsync();
        client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        client.Dispose();
        await app.DisposeAsync();
    }

    [Fact]
    public async Task What_is_published_comes_over_a_stream_and_the_stream_is_resumed_where_it_was()
    {
        string last;
        using (var stream = await SseStream.Open(client, "/feeds/chat/room1", null))
        {
            await stream.Next();
            var published = await Send(HttpMethod.Post, "/topics/chat/room1?event=said&by=ann", """{"text":"hi"}""");
            Assert.Equal(HttpStatusCode.Accepted, published.StatusCode);
            var said = await stream.NextEvent();
            Assert.Equal(("said", """{"text":"hi"}"""), (said.Event, said.Data));
            Assert.Equal(said.Id, CursorOf(published));
            last = said.Id!;
        }

        await Send(HttpMethod.Post, "/topics/chat/room2?event=said", "\"elsewhere\"");
        await Send(HttpMethod.Post, "/topics/chat/room1?event=said", "\"away\"");
        using var resumed = await SseStream.Open(client, "/feeds/chat/room1", last);
        Assert.Equal("\"away\"", (await resumed.NextEvent()).Data);
    }

    [Fact]
    public async Task Who_missed_too_much_is_reset_on_a_stream_and_on_a_page()
    {
        var cursor = CursorOf(await Send(HttpMethod.Post, "/topics/chat/room1?event=said", "0"));
        for (var i = 1; i <= 6; i++)
            await Send(HttpMethod.Post, "/topics/chat/room1?event=said", $"{i}");

        using (var stream = await SseStream.Open(client, "/feeds/chat/room1", cursor))
        {
            var reset = await stream.NextEvent();
            Assert.Equal("reset", reset.Event);
            Assert.Contains("\"reason\":\"trimmed\"", reset.Data, StringComparison.Ordinal);
            await Send(HttpMethod.Post, "/topics/chat/room1?event=said", "7");
            Assert.Equal("7", (await stream.NextEvent()).Data);
        }

        foreach (var type in new[] { "application/json", "application/cloudevents-batch+json" })
        {
            var page = await Page($"/feeds/chat/room1?after={cursor}", type);
            Assert.Contains("\"reason\":\"trimmed\"", page, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Pages_and_streams_share_their_cursors_and_no_cache_keeps_a_page()
    {
        var first = await client.SendAsync(Get("/feeds/chat/room1", "application/json"));
        Assert.Equal("no-store", first.Headers.CacheControl!.ToString());
        await Send(HttpMethod.Post, "/topics/chat/room1?event=said", "1");
        var full = await client.SendAsync(Get($"/feeds/chat/room1?limit=1&after={CursorOf(first)}", "application/json"));
        Assert.Equal("no-store", full.Headers.CacheControl!.ToString());
        Assert.Contains("\"event\":\"said\"", await full.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);

        var waiting = client.SendAsync(Get($"/feeds/chat/room1?after={CursorOf(full)}", "application/cloudevents-batch+json", wait: 20));
        await Until(() => app.Services.GetRequiredService<Node>().Feeds.Count > 0 && !waiting.IsCompleted);
        await Send(HttpMethod.Post, "/topics/chat/room1?event=said", "2");
        var batch = await (await waiting).Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        var said = Assert.Single(new CloudNative.CloudEvents.SystemTextJson.JsonEventFormatter().DecodeBatchModeMessage(batch, null, null));
        Assert.Equal(("said", "room1", "/feeds/chat"), (said.Type, said.Subject, said.Source!.ToString()));
        Assert.NotNull(said.Time);

        using var stream = await SseStream.Open(client, "/feeds/chat/room1", CursorOf(full));
        Assert.Equal("2", (await stream.NextEvent()).Data);
    }

    [Fact]
    public async Task Only_the_latest_of_each_is_told_to_who_comes_late()
    {
        foreach (var (by, text) in new[] { ("ann", "1"), ("bob", "2"), ("ann", "3") })
            await Send(HttpMethod.Post, $"/topics/typing/room1?event=typing&by={by}", text);
        using var stream = await SseStream.Open(client, "/feeds/typing/room1", null);
        Assert.Equal(["2", "3"], (await stream.NextEvents(2)).Select(each => each.Data));
    }

    [Fact]
    public async Task Who_joins_changes_and_leaves_is_told_and_who_is_there_can_be_asked()
    {
        using var stream = await SseStream.Open(client, "/feeds/chat/room1", null);
        await stream.Next();
        Assert.Equal(HttpStatusCode.NoContent, (await Send(HttpMethod.Put, "/topics/chat/room1/members/ann", """{"mood":"fine"}""")).StatusCode);
        await Send(HttpMethod.Put, "/topics/chat/room1/members/ann", """{"mood":"fine"}""");
        await Send(HttpMethod.Put, "/topics/chat/room1/members/ann", """{"mood":"tired"}""");
        await Send(HttpMethod.Put, "/topics/chat/room1/members/b%C3%B6b", null);

        var page = await client.GetAsync(new Uri("/topics/chat/room1/members", UriKind.Relative), TestContext.Current.CancellationToken);
        var snapshot = JsonDocument.Parse(await page.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
        Assert.Equal("""[{"member":"ann","meta":{"mood":"tired"}},{"member":"b\u00F6b","meta":null}]""", snapshot.GetProperty("members").GetRawText());
        Assert.Equal(CursorOf(page), snapshot.GetProperty("cursor").GetString());
        Assert.Equal(HttpStatusCode.NoContent, (await Send(HttpMethod.Delete, "/topics/chat/room1/members/ann", null)).StatusCode);

        Assert.Equal(["joined", "changed", "joined", "left"], (await stream.NextEvents(4)).Select(each => each.Event));
        using var behind = await SseStream.Open(client, "/feeds/chat/room1", CursorOf(page));
        Assert.Equal("""{"member":"ann","reason":"left"}""", (await behind.NextEvent()).Data);
    }

    [Fact]
    public async Task A_topic_without_a_key_has_members_too()
    {
        await Send(HttpMethod.Put, "/topics/chat/members/ann", null);
        await Send(HttpMethod.Put, "/topics/chat/members/members/bob", null);
        Assert.Contains("\"ann\"", await Page("/topics/chat/members", "application/json"), StringComparison.Ordinal);
        Assert.Equal(["bob"], Topics.Members("chat", "members"));
    }

    [Fact]
    public async Task Nobody_may_what_no_rule_allows()
    {
        await Problem(Send(HttpMethod.Post, "/topics/silent?event=said", "1"), HttpStatusCode.Unauthorized, "unauthorized");
        await Problem(Send(HttpMethod.Post, "/topics/silent?event=said", "1", user: "ann"), HttpStatusCode.Forbidden, "forbidden");
        await Problem(Send(HttpMethod.Put, "/topics/silent/members/ann", null, user: "ann"), HttpStatusCode.Forbidden, "forbidden");
        await Problem(Send(HttpMethod.Delete, "/topics/silent/members/ann", null, user: "ann"), HttpStatusCode.Forbidden, "forbidden");
        await Problem(Send(HttpMethod.Post, "/topics/chat/closed?event=said", "1", user: "ann"), HttpStatusCode.Forbidden, "forbidden");
        await Problem(Send(HttpMethod.Get, "/topics/own/room1/members", null), HttpStatusCode.Unauthorized, "unauthorized");
        await Problem(Send(HttpMethod.Get, "/feeds/own/room1", null), HttpStatusCode.Unauthorized, "unauthorized");

        // Whose it is, and how it is called, is the rule's business too.
        await Problem(Send(HttpMethod.Post, "/topics/own/room1?event=said&by=bob", "1", user: "ann"), HttpStatusCode.Forbidden, "forbidden");
        await Problem(Send(HttpMethod.Post, "/topics/own/room1?event=shouted&by=ann", "1", user: "ann"), HttpStatusCode.Forbidden, "forbidden");
        Assert.Equal(HttpStatusCode.Accepted, (await Send(HttpMethod.Post, "/topics/own/room1?event=said&by=ann", "1", user: "ann")).StatusCode);
    }

    [Fact]
    public async Task A_member_stays_with_who_joined_it()
    {
        await Send(HttpMethod.Put, "/topics/own/room1/members/seat1", "1", user: "ann");
        await Problem(Send(HttpMethod.Put, "/topics/own/room1/members/seat1", "2", user: "bob"), HttpStatusCode.Conflict, "member-taken");
        await Problem(Send(HttpMethod.Delete, "/topics/own/room1/members/seat1", null, user: "bob"), HttpStatusCode.Conflict, "member-taken");
        Assert.Equal(HttpStatusCode.NoContent, (await Send(HttpMethod.Put, "/topics/own/room1/members/seat1", "3", user: "ann")).StatusCode);
    }

    [Fact]
    public async Task What_cannot_be_is_refused_in_words()
    {
        await Problem(Send(HttpMethod.Post, "/topics/nothing/room1?event=said", "1"), HttpStatusCode.NotFound, "not-found");
        await Problem(Send(HttpMethod.Post, "/topics/chat/room1?event=said", $"\"{new string('x', 1000)}\""), HttpStatusCode.RequestEntityTooLarge, "too-large");
        await Problem(Send(HttpMethod.Post, "/topics/chat/room1?event=said", "{"), HttpStatusCode.BadRequest, "malformed-message");
        await Problem(Send(HttpMethod.Post, "/topics/chat/room1?event=said", null), HttpStatusCode.BadRequest, "malformed-message");
        await Problem(Send(HttpMethod.Post, "/topics/chat/room1", "1"), HttpStatusCode.BadRequest, "bad-parameter");
        await Problem(Send(HttpMethod.Post, "/topics/chat/room1?event=joined", "1"), HttpStatusCode.BadRequest, "bad-parameter");
        await Problem(Send(HttpMethod.Post, "/topics/chat/room1?event=said", "1", type: "text/plain"), HttpStatusCode.UnsupportedMediaType, "not-json");
        foreach (var path in new[] { "a%2Fb", "%FF", "a%00b", "a%0Ab", new string('x', 257) })
            await Problem(Send(HttpMethod.Post, $"/topics/chat/{path}?event=said", "1"), HttpStatusCode.BadRequest, null);
        await Problem(Send(HttpMethod.Put, "/topics/chat/room1/members/a%0Ab", null), HttpStatusCode.BadRequest, "bad-parameter");
        Assert.Empty(Topics.Members("chat", "room1"));
    }

    [Fact]
    public async Task Names_that_look_like_something_else_are_only_names()
    {
        foreach (var key in new[] { "a/b/c", "../up", "a.*.>", "' OR 1=1 --", "<b>", "🙂", "%25", "reset" })
        {
            var path = string.Join('/', key.Split('/').Select(Uri.EscapeDataString)).Replace("..", "%2E%2E", StringComparison.Ordinal);
            using var follower = await SseStream.Open(client, $"/feeds?feed={Uri.EscapeDataString($"chat/{key}")}", null);
            await follower.Next();
            Topics.PublishJson("chat", key, "said", Encoding.UTF8.GetBytes("1"));
            Assert.Equal("said", (await follower.NextEvent()).Event);
            if (!key.Contains("..", StringComparison.Ordinal))
            {
                Assert.Equal(HttpStatusCode.Accepted, (await Send(HttpMethod.Post, $"/topics/chat/{path}?event=said", "2")).StatusCode);
                Assert.Equal("2", (await follower.NextEvent()).Data);
            }
        }
    }

    [Fact]
    public async Task There_is_an_end_to_keys_and_to_members()
    {
        for (var i = 0; i < 20; i++)
            await Send(HttpMethod.Post, $"/topics/chat/{i}?event=said", "1");
        await Problem(Send(HttpMethod.Post, "/topics/chat/20?event=said", "1"), HttpStatusCode.ServiceUnavailable, "unavailable");
        await Problem(Send(HttpMethod.Get, "/feeds/chat/20", null), HttpStatusCode.ServiceUnavailable, "unavailable");
        for (var i = 0; i < 3; i++)
            await Send(HttpMethod.Put, $"/topics/chat/1/members/{i}", null);
        await Problem(Send(HttpMethod.Put, "/topics/chat/1/members/3", null), HttpStatusCode.ServiceUnavailable, "unavailable");
    }

    private static string CursorOf(HttpResponseMessage response) => response.Headers.GetValues("Headwater-Cursor").Single();

    private async Task<HttpResponseMessage> Send(HttpMethod method, string path, string? body, string? user = null, string type = "application/json")
    {
        var request = new HttpRequestMessage(method, path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue(type));
        if (user is not null)
            request.Headers.Add("User", user);
        return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    private static HttpRequestMessage Get(string path, string type, int? wait = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", type);
        if (wait is not null)
            request.Headers.TryAddWithoutValidation("Prefer", $"wait={wait}");
        return request;
    }

    private async Task<string> Page(string path, string type) =>
        await (await client.SendAsync(Get(path, type))).Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

    private static async Task Problem(Task<HttpResponseMessage> sending, HttpStatusCode status, string? code)
    {
        using var response = await sending;
        Assert.Equal(status, response.StatusCode);
        if (code is not null)
            Assert.Equal(code, JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("code").GetString());
    }
}
