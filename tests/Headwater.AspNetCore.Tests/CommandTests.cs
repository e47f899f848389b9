using System.Net;
using System.Net.Http.Json;
using System.Security.Claims;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.AspNetCore.Tests;

public sealed class CommandTests : IAsyncLifetime
{
    private OrdersApp app = null!;

    public async ValueTask InitializeAsync() => app = await OrdersApp.Start();

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    [Fact]
    public async Task A_command_answers_with_the_new_state_its_version_and_its_cursor()
    {
        var response = await app.Post("/orders/1/open", new Open("ann"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("\"1\"", response.Headers.ETag!.Tag);
        Assert.True(Cursor.TryParse(response.Headers.GetValues("Headwater-Cursor").Single(), out var cursor));
        Assert.Equal(new Position(1), cursor.Position);
        Assert.Equal("""{"customer":"ann","items":0,"isClosed":false}""", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Metadata_is_filled_in()
    {
        await app.Post("/orders/1/open", new Open("ann"), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        var recorded = (await app.Node.Log.ReadStream(new StreamId("order", "1"))).Single();
        Assert.NotNull(recorded.Metadata.Causation);
        Assert.NotNull(recorded.Metadata.Correlation);
        Assert.Null(recorded.Metadata.Actor);
    }

    [Theory]
    [InlineData("""{"item":"tea","count":"many"}""", "count")]
    [InlineData("""{"item":"tea","count":1,"price":3}""", "price")]
    [InlineData("""{"item":null,"count":1}""", "item")]
    [InlineData("""{"item":"tea"}""", "count")]
    [InlineData("""{"item":"tea",""", "$")]
    [InlineData("""{"item":"tea","item":"salt","count":1}""", "item")]
    [InlineData("""{"item":"tea","count":"1"}""", "count")]
    [InlineData("""{"ITEM":"tea","count":1}""", "ITEM")]
    [InlineData("""{"item":"tea","count":1,}""", "$")]
    [InlineData("null", "$")]
    [InlineData("[1]", "$")]
    public async Task What_cannot_be_read_is_a_problem_that_names_the_field(string body, string field)
    {
        var problem = await Problem(await app.Client.PostAsync("/orders/1/items", Json(body)), HttpStatusCode.BadRequest, "malformed-command");
        Assert.StartsWith(field, problem.GetProperty("field").GetString(), StringComparison.Ordinal);
        foreach (var inside in new[] { "Headwater.AspNetCore", "deserializ", "reader options", ".NET" })
            Assert.DoesNotContain(inside, problem.GetProperty("detail").GetString()!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_is_not_utf_8_or_is_packed_is_refused()
    {
        var broken = new ByteArrayContent([.. "{\"item\":\""u8, 0xFF, .. "\",\"count\":1}"u8]) { Headers = { ContentType = new("application/json") } };
        await Problem(await app.Client.PostAsync("/orders/1/items", broken), HttpStatusCode.BadRequest, "malformed-command");
        var packed = Json("""{"item":"tea","count":1}""");
        packed.Headers.ContentEncoding.Add("gzip");
        await Problem(await app.Client.PostAsync("/orders/1/items", packed), HttpStatusCode.UnsupportedMediaType, "not-json");
        var wide = new StringContent("""{"item":"tea","count":1}""", Encoding.Unicode, "application/json");
        await Problem(await app.Client.PostAsync("/orders/1/items", wide), HttpStatusCode.UnsupportedMediaType, "not-json");
    }

    [Theory]
    [InlineData("a%2Fb")]
    [InlineData("a%FF")]
    [InlineData("a%01")]
    public async Task A_key_that_could_mean_another_is_refused(string key)
    {
        await Problem(await app.Post($"/orders/{key}/open", new Open("ann")), HttpStatusCode.BadRequest, "bad-parameter");
        Assert.True((await app.Client.GetAsync($"/feeds/orders/{key}", HttpCompletionOption.ResponseHeadersRead)).StatusCode
            is HttpStatusCode.BadRequest or HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_key_of_any_letters_is_one_and_the_same_everywhere()
    {
        const string key = "über 100%+";
        Assert.Equal(HttpStatusCode.OK, (await app.Post($"/orders/{Uri.EscapeDataString(key)}/open", new Open("ann"))).StatusCode);
        using var feed = await app.Follow($"/feeds/order-events/{Uri.EscapeDataString(key)}?after=start");
        Assert.Equal(key, JsonDocument.Parse((await feed.NextEvent()).Data!).RootElement.GetProperty("order").GetString());
    }

    [Fact]
    public async Task What_can_be_got_can_be_asked_for_without_its_body()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        foreach (var path in new[] { "/orders/1", "/list", "/health", "/health/detail" })
            Assert.Equal(HttpStatusCode.OK, (await app.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, path))).StatusCode);
    }

    [Fact]
    public async Task Losing_a_race_once_is_not_losing_it_again()
    {
        await app.DisposeAsync();
        app = await OrdersApp.Start(headwater => headwater.Configure(options => options.CommandRetries = 4));
        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => app.Post("/orders/1/items", new AddItem("tea", 1))));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        Assert.Equal(60, (await app.Client.GetFromJsonAsync<JsonElement>("/orders/1")).GetProperty("items").GetInt32());
    }

    [Fact]
    public async Task An_oversized_body_is_refused_with_and_without_a_length()
    {
        var large = $$"""{"item":"{{new string('x', 70_000)}}","count":1}""";
        await Problem(await app.Client.PostAsync("/orders/1/items", Json(large)), HttpStatusCode.RequestEntityTooLarge, "too-large");
        var chunked = new HttpRequestMessage(HttpMethod.Post, "/orders/1/items") { Content = Json(large) };
        chunked.Headers.TransferEncodingChunked = true;
        await Problem(await app.Client.SendAsync(chunked), HttpStatusCode.RequestEntityTooLarge, "too-large");
    }

    [Fact]
    public async Task A_body_that_is_not_json_is_refused() =>
        await Problem(await app.Client.PostAsync("/orders/1/items", new StringContent("tea", Encoding.UTF8, "text/plain")),
            HttpStatusCode.UnsupportedMediaType, "not-json");

    [Fact]
    public async Task A_command_without_fields_needs_no_body()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        Assert.Equal(HttpStatusCode.OK, (await app.Client.PostAsync("/orders/1/close", null)).StatusCode);
    }

    [Fact]
    public async Task A_refusal_is_a_typed_conflict_and_nonsense_is_unprocessable()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        await Problem(await app.Post("/orders/1/open", new Open("bob")), HttpStatusCode.Conflict, "order-open");
        await Problem(await app.Post("/orders/1/items", new AddItem("tea", 0)), HttpStatusCode.UnprocessableEntity, "no-count");
    }

    [Fact]
    public async Task If_match_lets_only_the_first_of_two_through()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        Assert.Equal(HttpStatusCode.OK, (await app.Post("/orders/1/items", new AddItem("tea", 1), ("If-Match", "\"1\""))).StatusCode);
        var stale = await app.Post("/orders/1/items", new AddItem("tea", 1), ("If-Match", "\"1\""));
        var problem = await Problem(stale, HttpStatusCode.PreconditionFailed, "stale-version");
        Assert.Equal(2, problem.GetProperty("actual").GetInt64());
        Assert.Equal("\"2\"", stale.Headers.ETag!.Tag);
        await Problem(await app.Post("/orders/1/items", new AddItem("tea", 1), ("If-Match", "\"x\"")), HttpStatusCode.BadRequest, "bad-parameter");
        await Problem(await app.Post("/orders/1/open", new Open("ann"), ("If-None-Match", "*")), HttpStatusCode.PreconditionFailed, "stale-version");
        Assert.Equal(HttpStatusCode.OK, (await app.Post("/orders/2/open", new Open("ann"), ("If-None-Match", "*"))).StatusCode);
    }

    [Fact]
    public async Task If_match_any_needs_the_stream_to_exist()
    {
        await Problem(await app.Post("/orders/1/open", new Open("ann"), ("If-Match", "*")), HttpStatusCode.PreconditionFailed, "stale-version");
        Assert.Equal(HttpStatusCode.OK, (await app.Post("/orders/1/open", new Open("ann"))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await app.Post("/orders/1/items", new AddItem("tea", 1), ("If-Match", "*"))).StatusCode);
    }

    [Fact]
    public async Task A_retry_with_its_idempotency_key_gets_the_first_answer()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        var first = await app.Post("/orders/1/items", new AddItem("tea", 2), ("Idempotency-Key", "\"k1\""), ("If-Match", "\"1\""));
        await app.Post("/orders/1/items", new AddItem("tea", 5));
        var retry = await app.Post("/orders/1/items", new AddItem("tea", 2), ("Idempotency-Key", "k1"), ("If-Match", "\"1\""));
        Assert.Equal(HttpStatusCode.OK, retry.StatusCode);
        Assert.Equal(first.Headers.ETag, retry.Headers.ETag);
        Assert.Equal(first.Headers.GetValues("Headwater-Cursor"), retry.Headers.GetValues("Headwater-Cursor"));
        Assert.Equal(await first.Content.ReadAsStringAsync(), await retry.Content.ReadAsStringAsync());

        await Problem(await app.Post("/orders/1/items", new AddItem("tea", 3), ("Idempotency-Key", "k1")), HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        var state = await app.Client.GetFromJsonAsync<JsonElement>("/orders/1");
        Assert.Equal(7, state.GetProperty("items").GetInt32());
    }

    [Fact]
    public async Task A_key_stands_for_one_path_and_one_user()
    {
        await app.DisposeAsync();
        app = await OrdersApp.Start(headwater => headwater.Services.AddSingleton<IStartupFilter>(new SignIn()));
        Assert.Equal(HttpStatusCode.OK, (await app.Post("/orders/1/items", new AddItem("tea", 1), ("Idempotency-Key", "k"), ("X-User", "ann"))).StatusCode);
        await Problem(await app.Post("/orders/2/items", new AddItem("tea", 1), ("Idempotency-Key", "k"), ("X-User", "ann")), HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        Assert.Equal("\"2\"", (await app.Post("/orders/1/items", new AddItem("tea", 1), ("Idempotency-Key", "k"), ("X-User", "bob"))).Headers.ETag!.Tag);
    }

    /// <summary>An event comes while the state is being loaded: whoever follows from the answer's cursor must get it.</summary>
    [Fact]
    public async Task The_cursor_of_a_state_is_no_later_than_the_state()
    {
        await app.DisposeAsync();
        var memory = new MemoryStore(TimeProvider.System, Guid.NewGuid);
        var log = new LateLog(memory);
        app = await OrdersApp.Start(headwater => headwater.Services.AddSingleton<ILogStore>(log));
        await app.Post("/orders/1/open", new Open("ann"));
        log.AfterReadStream = () => app.Node.Log.Append(new StreamId("order", "1"), ExpectedVersion.Any, [new OrderEvent.ItemAdded("tea", 1)]);

        var state = await app.Client.GetAsync("/orders/1");
        Assert.Equal("\"1\"", state.Headers.ETag!.Tag);
        Assert.Equal($"{app.Node.Tail.Epoch}.1", state.Headers.GetValues("Headwater-Cursor").Single());
    }

    [Fact]
    public async Task A_refusal_is_remembered_too()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        await Problem(await app.Post("/orders/1/open", new Open("bob"), ("Idempotency-Key", "k2")), HttpStatusCode.Conflict, "order-open");
        await Problem(await app.Post("/orders/1/open", new Open("bob"), ("Idempotency-Key", "k2")), HttpStatusCode.Conflict, "order-open");
    }

    [Fact]
    public async Task Concurrent_duplicates_happen_once()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ =>
            app.Post("/orders/1/items", new AddItem("tea", 1), ("Idempotency-Key", "once"))));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        Assert.Equal(1, (await app.Client.GetFromJsonAsync<JsonElement>("/orders/1")).GetProperty("items").GetInt32());
    }

    [Fact]
    public async Task Racing_commands_are_decided_again_not_refused()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => app.Post("/orders/1/items", new AddItem("tea", 1))));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        Assert.Equal(5, (await app.Client.GetFromJsonAsync<JsonElement>("/orders/1")).GetProperty("items").GetInt32());
    }

    [Fact]
    public async Task State_is_answered_as_of_a_version_a_cursor_and_an_instant()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        var cursor = (await app.Post("/orders/1/items", new AddItem("tea", 1))).Headers.GetValues("Headwater-Cursor").Single();
        var between = (await app.Node.Log.ReadStream(new StreamId("order", "1")))[^1].RecordedAt;
        await app.Post("/orders/1/items", new AddItem("tea", 1));

        foreach (var query in new[] { "version=2", $"at={cursor}", $"at={Uri.EscapeDataString(between.ToString("O"))}" })
        {
            var then = await app.Client.GetAsync($"/orders/1?{query}");
            Assert.Equal("\"2\"", then.Headers.ETag!.Tag);
            Assert.Equal(1, (await then.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("items").GetInt32());
        }

        await Problem(await app.Client.GetAsync("/orders/1?at=2000-01-01T00:00:00Z"), HttpStatusCode.NotFound, "not-found");
        await Problem(await app.Client.GetAsync("/orders/1?at=yesterday"), HttpStatusCode.BadRequest, "bad-parameter");
        await Problem(await app.Client.GetAsync("/orders/1?at=00000000.1"), HttpStatusCode.BadRequest, "bad-parameter");
        await Problem(await app.Client.GetAsync("/orders/unknown"), HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task State_that_is_known_is_not_sent_again()
    {
        await app.Post("/orders/1/open", new Open("ann"));
        var request = new HttpRequestMessage(HttpMethod.Get, "/orders/1");
        request.Headers.TryAddWithoutValidation("If-None-Match", "\"1\"");
        Assert.Equal(HttpStatusCode.NotModified, (await app.Client.SendAsync(request)).StatusCode);
    }

    internal static async Task<JsonElement> Problem(HttpResponseMessage response, HttpStatusCode status, string code)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal($"urn:headwater:problem:{code}", problem.GetProperty("type").GetString());
        Assert.Equal((int)status, problem.GetProperty("status").GetInt32());
        return problem;
    }

    /// <summary>Signs a request in as whom it says it is from.</summary>
    private sealed class SignIn : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use((context, rest) =>
            {
                context.User = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Name, context.Request.Headers["X-User"].ToString())], "test"));
                return rest(context);
            });
            next(app);
        };
    }

    private sealed class LateLog(ILogStore store) : ILogStore
    {
        public Func<ValueTask<AppendResult>>? AfterReadStream { get; set; }

        public bool CommitsInOrder => store.CommitsInOrder;

        public ValueTask<LogHead> Head(CancellationToken cancel) => store.Head(cancel);

        public ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel) => store.Append(request, cancel);

        public ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel) => store.Read(query, cancel);

        public async ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(StreamId stream, long afterVersion, int limit, CancellationToken cancel)
        {
            var read = await store.ReadStream(stream, afterVersion, limit, cancel);
            if (AfterReadStream is { } after)
                await after();
            return read;
        }

        public ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel) => store.FindReceipt(key, cancel);
    }

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");
}
