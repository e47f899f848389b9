namespace Departures.Tests;

public sealed class ReplayTests : IDisposable
{
    private const double Fast = 10_000;

    private static readonly IReadOnlyList<Step> script = Script.Of(RealFlight.ReadAll());

    private readonly string folder = Directory.CreateTempSubdirectory("departures-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task The_script_happens_step_by_step()
    {
        await using var server = await Server.Start(Fast, folder);
        using var feed = await server.Follow("/feeds/flights?after=start");
        Assert.Equal(script.Take(1000).Select(Event), await Events(feed, 1000));
    }

    [Fact]
    public async Task Started_again_it_goes_on_where_it_was_without_a_step_lost_or_taken_twice()
    {
        for (var events = 200; events <= 600; events += 200)
        {
            await using var server = await Server.Start(Fast, folder);
            using var feed = await server.Follow("/feeds/flights?after=start");
            Assert.Equal(script.Take(events).Select(Event), await Events(feed, events));
        }

        // The clock stands where the last step was taken.
        await using var still = await Server.Start(0, folder);
        var taken = (await still.Json("/health/detail")).Number("head");
        Assert.InRange(taken, 600, int.MaxValue);
        Assert.Equal(script[taken - 1].At, (await still.Json("/clock")).GetProperty("now").GetDateTimeOffset());
    }

    [Fact]
    public async Task Nodes_that_share_the_log_take_each_step_once_together()
    {
        await using var one = await Server.Start(Fast, folder);
        await using var two = await Server.Start(Fast, folder);
        using var feed = await two.Follow("/feeds/flights?after=start");
        Assert.Equal(script.Take(2000).Select(Event), await Events(feed, 2000));
    }

    [Fact]
    public async Task What_people_did_to_a_flight_stands_and_its_steps_are_passed_over()
    {
        var flight = script[100].Flight;
        await using (var server = await Server.Start(0, folder))
        {
            await server.Schedule(flight);
            await server.Post($"/flights/{flight}/cancel", """{"reason":"Fog"}""");
        }

        await using (var server = await Server.Start(Fast, folder))
        {
            using var feed = await server.Follow("/feeds/flights?after=start");
            Assert.Equal(
                script.Where(step => step.Flight != flight).Take(1000).Select(Event).Prepend($"cancelled {flight}").Prepend($"scheduled {flight}"),
                await Events(feed, 1002));
        }
    }

    private static async Task<IEnumerable<string>> Events(Headwater.AspNetCore.Tests.SseStream feed, int count) =>
        (await feed.NextEvents(count)).Select(block => $"{block.Event} {System.Text.Json.JsonDocument.Parse(block.Data!).RootElement.Text("flight")}");

    private static string Event(Step step) => step.Command switch
    {
        Schedule => "scheduled",
        ChangeGate => "gate-changed",
        Delay => "delayed",
        Depart => "departed",
        Arrive => "arrived",
        _ => throw new ArgumentException($"No event for {step}."),
    } + $" {step.Flight}";
}
