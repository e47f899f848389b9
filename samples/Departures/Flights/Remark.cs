using Headwater;

namespace Departures;

/// <summary>Says something about a flight, whatever has become of it.</summary>
public sealed record Remark(string Text) : ICommand<Flight, FlightEvent>
{
    public Decision<FlightEvent> Decide(Flight flight) => flight.Status switch
    {
        _ when Departures.Text.Mistake("remark", Text) is { } mistake => mistake,
        FlightStatus.Unscheduled => Refusals.Unknown,
        _ => new FlightEvent.Remarked(Text),
    };
}
