using Headwater;
using static Headwater.Decision;

namespace Departures;

public sealed record ChangeGate(string Gate) : ICommand<Flight, FlightEvent>
{
    private const int MaxLength = 16;

    public Decision<FlightEvent> Decide(Flight flight) => flight.Status switch
    {
        _ when string.IsNullOrWhiteSpace(Gate) || Gate.Length > MaxLength || !Gate.All(c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '/') =>
            Invalid("no-gate", $"A gate has 1 to {MaxLength} letters, digits, spaces, dashes and slashes."),
        FlightStatus.Unscheduled => Refusals.Unknown,
        FlightStatus.Departed or FlightStatus.Arrived => Refusals.Departed,
        FlightStatus.Cancelled => Refusals.Cancelled,
        _ => new FlightEvent.GateChanged(Gate),
    };
}
