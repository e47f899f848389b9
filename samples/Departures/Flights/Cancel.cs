using Headwater;

namespace Departures;

public sealed record Cancel(string Reason) : ICommand<Flight, FlightEvent>
{
    public Decision<FlightEvent> Decide(Flight flight) => flight.Status switch
    {
        _ when Text.Mistake("reason", Reason) is { } mistake => mistake,
        FlightStatus.Unscheduled => Refusals.Unknown,
        FlightStatus.Departed or FlightStatus.Arrived => Refusals.Departed,
        FlightStatus.Cancelled => Refusals.Cancelled,
        _ => new FlightEvent.Cancelled(flight.Origin, Reason),
    };
}
