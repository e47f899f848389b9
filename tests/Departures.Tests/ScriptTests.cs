namespace Departures.Tests;

public sealed class ScriptTests
{
    private static readonly IReadOnlyList<RealFlight> flights = RealFlight.ReadAll();
    private static readonly IReadOnlyList<Step> script = Script.Of(flights);

    [Fact]
    public void All_flights_are_there_in_the_order_of_time()
    {
        Assert.Equal(20_000, flights.Count);
        Assert.Equal(20_000 * 4 + flights.Count(flight => flight.Delay >= 5), script.Count);
        Assert.Equal(script.Select(step => step.At).Order(), script.Select(step => step.At));
        Assert.Equal(Script.Begin, script[0].At);
        Assert.Equal("HW00001", script[0].Flight);
    }

    [Fact]
    public void The_same_flights_give_the_same_script() => Assert.Equal(script, Script.Of(RealFlight.ReadAll()));

    [Fact]
    public void A_flight_runs_through_its_day()
    {
        // 2001/01/01 06:30, 29 minutes late, 236 miles: what was due before time begins happens when it begins.
        var scheduled = new DateTimeOffset(2001, 1, 1, 6, 30, 0, TimeSpan.Zero);
        var departs = scheduled.AddMinutes(29);
        var arrives = departs.AddMinutes(61);
        Assert.Equal(
            [
                new Step(Script.Begin, "HW00009", new Schedule("LAS", "LAX", scheduled, 236)),
                new Step(Script.Begin, "HW00009", new ChangeGate("E26")),
                new Step(scheduled.AddMinutes(-51), "HW00009", new Delay(29)),
                new Step(departs, "HW00009", new Depart(departs)),
                new Step(arrives, "HW00009", new Arrive(arrives)),
            ],
            script.Where(step => step.Flight == "HW00009"));
    }

    [Fact]
    public void No_step_is_refused()
    {
        var states = new Dictionary<string, Flight>();
        foreach (var (_, flight, command) in script)
        {
            var state = states.GetValueOrDefault(flight, Flight.Initial);
            var decision = command.Decide(state);
            Assert.Null(decision.Refusal);
            states[flight] = decision.Events.Aggregate(state, Flight.Evolve);
        }

        Assert.All(states.Values, flight => Assert.Equal(FlightStatus.Arrived, flight.Status));
    }

    [Fact]
    public void Steps_are_so_close_that_going_on_at_the_last_one_is_no_jump()
    {
        var gaps = script.Zip(script.Skip(1), (one, next) => next.At - one.At).Order().ToList();
        Assert.InRange(gaps[gaps.Count / 2], TimeSpan.Zero, TimeSpan.FromMinutes(1));
        Assert.InRange(gaps[gaps.Count * 99 / 100], TimeSpan.Zero, TimeSpan.FromMinutes(10));
    }
}
