using Headwater;

namespace Departures.Tests;

/// <summary>Given what happened, when a command comes, then this happens; all without a server or a database.</summary>
public sealed class FlightTests
{
    private static readonly DateTimeOffset ten = new(2001, 2, 3, 10, 0, 0, TimeSpan.Zero);

    private static readonly FlightEvent scheduled = new FlightEvent.Scheduled("ATL", "JFK", ten, 460);
    private static readonly FlightEvent delayed = new FlightEvent.Delayed(20);
    private static readonly FlightEvent departed = new FlightEvent.Departed("ATL", ten.AddMinutes(5), 5);
    private static readonly FlightEvent arrived = new FlightEvent.Arrived(ten.AddHours(2));
    private static readonly FlightEvent cancelled = new FlightEvent.Cancelled("ATL", "Fog");

    [Fact]
    public void A_flight_is_scheduled_once()
    {
        Accepts(Given(), new Schedule("ATL", "JFK", ten, 460), scheduled);
        Refuses(Given(scheduled), new Schedule("ATL", "JFK", ten, 460), "flight-scheduled");
    }

    [Fact]
    public void A_schedule_is_kept_in_capitals_and_in_UTC() =>
        Accepts(Given(), new Schedule("atl", "jfk", ten.ToOffset(TimeSpan.FromHours(-5)), 460), scheduled);

    [Theory]
    [InlineData("AT", "JFK", 460, "no-airport")]
    [InlineData("ATL", "JFKX", 460, "no-airport")]
    [InlineData("ATL", "J1K", 460, "no-airport")]
    [InlineData("", "JFK", 460, "no-airport")]
    [InlineData("ATL", "JFK", 0, "no-distance")]
    [InlineData("ATL", "JFK", -1, "no-distance")]
    [InlineData("ATL", "JFK", 30_000, "no-distance")]
    public void A_schedule_makes_sense(string origin, string destination, int distance, string code) =>
        Rejects(Given(), new Schedule(origin, destination, ten, distance), code);

    [Fact]
    public void A_schedule_is_in_these_centuries() =>
        Rejects(Given(), new Schedule("ATL", "JFK", DateTimeOffset.MaxValue, 460), "no-time");

    [Fact]
    public void A_gate_changes_until_departure()
    {
        var command = new ChangeGate("B12");
        Accepts(Given(scheduled), command, new FlightEvent.GateChanged("B12"));
        Accepts(Given(scheduled, delayed, new FlightEvent.GateChanged("B12")), command, new FlightEvent.GateChanged("B12"));
        OnlyWhileWaiting(command);
        Rejects(Given(scheduled), new ChangeGate(" "), "no-gate");
        Rejects(Given(scheduled), new ChangeGate(new string('B', 17)), "no-gate");
    }

    [Fact]
    public void A_delay_is_the_whole_delay_and_may_be_negative()
    {
        Accepts(Given(scheduled, delayed), new Delay(-5), new FlightEvent.Delayed(-5));
        Assert.Equal((FlightStatus.Delayed, 20), Fold(Given(scheduled, delayed)));
        Assert.Equal((FlightStatus.Scheduled, -5), Fold(Given(scheduled, delayed, new FlightEvent.Delayed(-5))));
        OnlyWhileWaiting(new Delay(20));
        Accepts(Given(scheduled), new Delay(-1440), new FlightEvent.Delayed(-1440));
        Accepts(Given(scheduled), new Delay(2880), new FlightEvent.Delayed(2880));
        Rejects(Given(scheduled), new Delay(-1441), "no-delay");
        Rejects(Given(scheduled), new Delay(2881), "no-delay");

        static (FlightStatus, int) Fold(Flight flight) => (flight.Status, flight.Delay);
    }

    [Fact]
    public void A_flight_departs_once_when_it_says_or_when_it_is_expected()
    {
        Accepts(Given(scheduled), new Depart(ten.AddMinutes(5)), departed);
        Accepts(Given(scheduled), new Depart(), new FlightEvent.Departed("ATL", ten, 0));
        Accepts(Given(scheduled, delayed), new Depart(), new FlightEvent.Departed("ATL", ten.AddMinutes(20), 20));
        OnlyWhileWaiting(new Depart());
        Rejects(Given(scheduled), new Depart(ten.AddDays(3)), "no-departure");
        Rejects(Given(scheduled), new Depart(ten.AddDays(-2)), "no-departure");
    }

    [Fact]
    public void A_flight_arrives_once_after_it_departed()
    {
        Accepts(Given(scheduled, departed), new Arrive(ten.AddHours(2)), arrived);
        Accepts(Given(scheduled, departed), new Arrive(), new FlightEvent.Arrived(ten.AddMinutes(5 + 60 + 30)));
        Refuses(Given(), new Arrive(), "flight-unknown");
        Refuses(Given(scheduled), new Arrive(), "flight-not-departed");
        Refuses(Given(scheduled, cancelled), new Arrive(), "flight-cancelled");
        Refuses(Given(scheduled, departed, arrived), new Arrive(), "flight-arrived");
        Rejects(Given(scheduled, departed), new Arrive(ten), "no-arrival");
        Rejects(Given(scheduled, departed), new Arrive(ten.AddDays(3)), "no-arrival");
    }

    [Fact]
    public void A_flight_is_cancelled_before_it_departs()
    {
        Accepts(Given(scheduled, delayed), new Cancel("Fog"), cancelled);
        OnlyWhileWaiting(new Cancel("Fog"));
        Rejects(Given(scheduled), new Cancel(""), "no-reason");
        Rejects(Given(scheduled), new Cancel(new string('x', 4097)), "long-reason");
    }

    [Fact]
    public void A_remark_can_always_be_made_in_up_to_4_kB_of_UTF_8()
    {
        var longest = new string('ä', 2048);
        foreach (var flight in new[] { Given(scheduled), Given(scheduled, cancelled), Given(scheduled, departed, arrived) })
            Accepts(flight, new Remark(longest), new FlightEvent.Remarked(longest));
        Refuses(Given(), new Remark("Hello"), "flight-unknown");
        Rejects(Given(scheduled), new Remark(longest + "x"), "long-remark");
        Rejects(Given(scheduled), new Remark("\n "), "no-remark");
    }

    private static void OnlyWhileWaiting(ICommand<Flight, FlightEvent> command)
    {
        Refuses(Given(), command, "flight-unknown");
        Refuses(Given(scheduled, departed), command, "flight-departed");
        Refuses(Given(scheduled, departed, arrived), command, "flight-departed");
        Refuses(Given(scheduled, cancelled), command, "flight-cancelled");
    }

    private static Flight Given(params FlightEvent[] happened) => happened.Aggregate(Flight.Initial, Flight.Evolve);

    private static void Accepts(Flight flight, ICommand<Flight, FlightEvent> command, FlightEvent expected) =>
        Assert.Equal([expected], command.Decide(flight).Events);

    private static void Refuses(Flight flight, ICommand<Flight, FlightEvent> command, string code) =>
        Assert.Equal((code, false), Refusal(command.Decide(flight)));

    private static void Rejects(Flight flight, ICommand<Flight, FlightEvent> command, string code) =>
        Assert.Equal((code, true), Refusal(command.Decide(flight)));

    private static (string?, bool?) Refusal(Decision<FlightEvent> decision) => (decision.Refusal?.Code, decision.Refusal?.IsInvalid);
}
