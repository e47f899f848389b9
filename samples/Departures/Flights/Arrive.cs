using Headwater;
using static Headwater.Decision;

namespace Departures;

/// <param name="At">When it arrives; without it, when a flight over its distance does.</param>
public sealed record Arrive(DateTimeOffset? At = null) : ICommand<Flight, FlightEvent>
{
    private static readonly TimeSpan longest = TimeSpan.FromDays(2);

    public Decision<FlightEvent> Decide(Flight flight) => flight switch
    {
        { Status: FlightStatus.Unscheduled } => Refusals.Unknown,
        { Status: FlightStatus.Cancelled } => Refusals.Cancelled,
        { Status: FlightStatus.Arrived } => Refuse("flight-arrived", "The flight has arrived already."),
        { Departed: not { } } => Refuse("flight-not-departed", "The flight has not departed yet."),
        { Departed: { } departed } when At <= departed || At > departed + longest => Invalid(
            "no-arrival", $"A flight arrives after it departed, which was {departed:u}, and within two days."),
        { Departed: { } departed } => new FlightEvent.Arrived(At?.ToUniversalTime() ?? departed + Flight.Duration(flight.Distance)),
    };
}
