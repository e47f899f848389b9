using Headwater;
using static Headwater.Decision;

namespace Departures;

/// <param name="At">When it departs; without it, when it is expected to.</param>
public sealed record Depart(DateTimeOffset? At = null) : ICommand<Flight, FlightEvent>
{
    private static readonly TimeSpan earliest = TimeSpan.FromDays(-1), latest = TimeSpan.FromDays(2);

    public Decision<FlightEvent> Decide(Flight flight)
    {
        var at = At?.ToUniversalTime() ?? flight.Scheduled.AddMinutes(flight.Delay);
        var late = at - flight.Scheduled;
        return flight.Status switch
        {
            FlightStatus.Unscheduled => Refusals.Unknown,
            FlightStatus.Departed or FlightStatus.Arrived => Refusals.Departed,
            FlightStatus.Cancelled => Refusals.Cancelled,
            _ when late < earliest || late > latest => Invalid(
                "no-departure", $"A flight departs at most a day before and two days after its scheduled time, which is {flight.Scheduled:u}."),
            _ => new FlightEvent.Departed(flight.Origin, at, (int)Math.Round(late.TotalMinutes)),
        };
    }
}
