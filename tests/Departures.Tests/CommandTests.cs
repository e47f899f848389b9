using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Departures.Tests;

public sealed class CommandTests : IAsyncLifetime
{
    private Server server = null!;

    public async ValueTask InitializeAsync() => server = await Server.Start();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Fact]
    public async Task Every_command_answers_with_the_state_its_version_and_its_cursor()
    {
        var version = 0;
        foreach (var (path, body, field, value) in new[]
        {
            ("schedule", """{"origin":"ATL","destination":"JFK","scheduled":"2001-02-03T10:00:00Z","distance":460}""", "status", "scheduled"),
            ("gate", """{"gate":"B12"}""", "gate", "B12"),
            ("delay", """{"minutes":25}""", "status", "delayed"),
            ("remarks", """{"text":"Boarding from the rear"}""", "remark", "Boarding from the rear"),
            ("depart", null, "departed", "2001-02-03T10:25:00+00:00"),
            ("arrive", """{"at":"2001-02-03T12:00:00Z"}""", "arrived", "2001-02-03T12:00:00+00:00"),
        })
        {
            using var response = await server.Post($"/flights/DL1/{path}", body);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal($"\"{++version}\"", response.Headers.ETag!.Tag);
            Assert.EndsWith($".{version}", response.Header("Headwater-Cursor"), StringComparison.Ordinal);
            Assert.Equal(value, (await response.Json()).Text(field));
        }
    }

    [Fact]
    public async Task What_a_flight_cannot_do_is_a_conflict_that_says_why()
    {
        using (var unknown = await server.Post("/flights/DL1/depart"))
            await Problem(unknown, HttpStatusCode.Conflict, "flight-unknown");
        await server.Schedule("DL1");
        using (var twice = await server.Schedule("DL1"))
            await Problem(twice, HttpStatusCode.Conflict, "flight-scheduled");
        using (var early = await server.Post("/flights/DL1/arrive"))
            await Problem(early, HttpStatusCode.Conflict, "flight-not-departed");
        using (var cancelled = await server.Post("/flights/DL1/cancel", """{"reason":"Fog"}"""))
            Assert.Equal("cancelled", (await cancelled.Json()).Text("status"));
        using (var departed = await server.Post("/flights/DL1/depart"))
            await Problem(departed, HttpStatusCode.Conflict, "flight-cancelled");
    }

    [Theory]
    [InlineData("gate", """{"gate":""}""", 422, "no-gate", null)]
    [InlineData("delay", """{"minutes":9999}""", 422, "no-delay", null)]
    [InlineData("cancel", """{"reason":" "}""", 422, "no-reason", null)]
    [InlineData("gate", """{"gate":"B1","terminal":"S"}""", 400, "malformed-command", "terminal")]
    [InlineData("gate", """{}""", 400, "malformed-command", "gate")]
    [InlineData("gate", """{"gate":null}""", 400, "malformed-command", "gate")]
    [InlineData("delay", """{"minutes":"many"}""", 400, "malformed-command", "minutes")]
    [InlineData("depart", """{"at":"soon"}""", 400, "malformed-command", "at")]
    [InlineData("gate", """{"gate":"B1" """, 400, "malformed-command", null)]
    [InlineData("gate", """["B1"]""", 400, "malformed-command", null)]
    public async Task A_command_that_makes_no_sense_is_told_what_is_wrong(string path, string body, int status, string code, string? field)
    {
        await server.Schedule("DL1");
        using var response = await server.Post($"/flights/DL1/{path}", body);
        var problem = await Problem(response, (HttpStatusCode)status, code);
        if (field is not null)
            Assert.Contains(field, problem, StringComparison.Ordinal);
        Assert.Equal("\"1\"", (await server.Client.GetAsync("/flights/DL1")).Headers.ETag!.Tag);
    }

    [Fact]
    public async Task A_remark_has_up_to_4_kB()
    {
        await server.Schedule("DL1");
        using (var most = await server.Post("/flights/DL1/remarks", $$"""{"text":"{{new string('x', 4096)}}"}"""))
            Assert.Equal(HttpStatusCode.OK, most.StatusCode);
        using (var more = await server.Post("/flights/DL1/remarks", $$"""{"text":"{{new string('x', 4097)}}"}"""))
            await Problem(more, HttpStatusCode.UnprocessableEntity, "long-remark");
        using (var tooMuch = await server.Post("/flights/DL1/remarks", $$"""{"text":"{{new string('x', 70_000)}}"}"""))
            await Problem(tooMuch, HttpStatusCode.RequestEntityTooLarge, "too-large");
    }

    [Fact]
    public async Task Only_JSON_is_taken()
    {
        using var form = new StringContent("gate=B1", Encoding.UTF8, new MediaTypeHeaderValue("application/x-www-form-urlencoded"));
        using var response = await server.Client.PostAsync("/flights/DL1/gate", form);
        await Problem(response, HttpStatusCode.UnsupportedMediaType, "not-json");
    }

    [Fact]
    public async Task A_stale_version_is_refused()
    {
        await server.Schedule("DL1");
        using (var first = await server.Post("/flights/DL1/gate", """{"gate":"B1"}""", ("If-Match", "\"1\"")))
            Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        using (var second = await server.Post("/flights/DL1/gate", """{"gate":"C1"}""", ("If-Match", "\"1\"")))
        {
            await Problem(second, HttpStatusCode.PreconditionFailed, "stale-version");
            Assert.Equal("\"2\"", second.Headers.ETag!.Tag);
        }

        Assert.Equal("B1", (await server.Json("/flights/DL1")).Text("gate"));
    }

    [Fact]
    public async Task A_retry_gets_the_first_answer_and_a_key_stands_for_one_request()
    {
        await server.Schedule("DL1");
        var key = ("Idempotency-Key", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"");
        using var first = await server.Post("/flights/DL1/delay", """{"minutes":30}""", key);
        await server.Post("/flights/DL1/gate", """{"gate":"B1"}""");

        using var again = await server.Post("/flights/DL1/delay", """{"minutes":30}""", key);
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        Assert.Equal(first.Headers.ETag, again.Headers.ETag);
        Assert.Equal(first.Header("Headwater-Cursor"), again.Header("Headwater-Cursor"));
        Assert.Equal(await first.Content.ReadAsStringAsync(), await again.Content.ReadAsStringAsync());

        using var other = await server.Post("/flights/DL1/delay", """{"minutes":31}""", key);
        await Problem(other, HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
    }

    [Fact]
    public async Task A_refusal_is_remembered_with_its_key_too()
    {
        var key = ("Idempotency-Key", "k");
        using (var first = await server.Post("/flights/DL1/depart", null, key))
            await Problem(first, HttpStatusCode.Conflict, "flight-unknown");
        await server.Schedule("DL1");
        using (var again = await server.Post("/flights/DL1/depart", null, key))
            await Problem(again, HttpStatusCode.Conflict, "flight-unknown");
    }

    private static async Task<string> Problem(HttpResponseMessage response, HttpStatusCode status, string code)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        var problem = await response.Json();
        Assert.Equal(code, problem.Text("code"));
        Assert.NotEqual("", problem.Text("detail"));
        return problem.ToString();
    }
}
