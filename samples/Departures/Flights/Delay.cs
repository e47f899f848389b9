using Headwater;
using static Headwater.Decision;

namespace Departures;

/// <param name="Minutes">The whole delay against the schedule, not what is added to it; negative if the flight is to leave early.</param>
public sealed record Delay(int Minutes) : ICommand<Flight, FlightEvent>
{
    private const int Earliest = -24 * 60, Latest = 48 * 60;

    public Decision<FlightEvent> Decide(Flight flight) => flight.Status switch
    {
        _ when Minutes is < Earliest or > Latest => Invalid("no-delay", $"A delay has {Earliest} to {Latest} minutes; it is {Minutes}."),
        FlightStatus.Unscheduled => Refusals.Unknown,
        FlightStatus.Departed or FlightStatus.Arrived => Refusals.Departed,
        FlightStatus.Cancelled => Refusals.Cancelled,
        _ => new FlightEvent.Delayed(Minutes),
    };
}
