using Headwater;
using static Headwater.Decision;

namespace Departures;

public sealed record Schedule(string Origin, string Destination, DateTimeOffset Scheduled, int Distance) : ICommand<Flight, FlightEvent>
{
    private const int FirstYear = 1900, LastYear = 2199, Circumference = 24_901;

    public Decision<FlightEvent> Decide(Flight flight) => flight switch
    {
        _ when !IsAirport(Origin) => Invalid("no-airport", $"'{Origin}' is no airport's IATA code: expected three letters, such as ATL."),
        _ when !IsAirport(Destination) => Invalid("no-airport", $"'{Destination}' is no airport's IATA code: expected three letters, such as ATL."),
        _ when Distance is < 1 or > Circumference => Invalid("no-distance", $"The distance is in miles, 1 to {Circumference}; it is {Distance}."),
        _ when Scheduled.UtcDateTime.Year is < FirstYear or > LastYear => Invalid("no-time", $"The flight is scheduled in a year from {FirstYear} to {LastYear}."),
        { Status: FlightStatus.Unscheduled } => new FlightEvent.Scheduled(
            Origin.ToUpperInvariant(), Destination.ToUpperInvariant(), Scheduled.ToUniversalTime(), Distance),
        _ => Refuse("flight-scheduled", "The flight is scheduled already."),
    };

    private static bool IsAirport(string code) => code.Length == 3 && code.All(char.IsAsciiLetter);
}
