using System.Text.Json.Serialization;

namespace Departures;

/// <summary>
/// What happened to a flight. An event says all that its readers need: where a flight departed from is in its departure, so
/// that nobody has to look for the flight to count the departures of an airport.
/// </summary>
[JsonDerivedType(typeof(Scheduled), "flight-scheduled")]
[JsonDerivedType(typeof(GateChanged), "flight-gate-changed")]
[JsonDerivedType(typeof(Delayed), "flight-delayed")]
[JsonDerivedType(typeof(Departed), "flight-departed")]
[JsonDerivedType(typeof(Arrived), "flight-arrived")]
[JsonDerivedType(typeof(Cancelled), "flight-cancelled")]
[JsonDerivedType(typeof(Remarked), "flight-remarked")]
public abstract record FlightEvent
{
    public sealed record Scheduled(string Origin, string Destination, DateTimeOffset At, int Distance) : FlightEvent;

    public sealed record GateChanged(string Gate) : FlightEvent;

    /// <param name="Minutes">The whole delay against the schedule; negative if the flight is to leave early.</param>
    public sealed record Delayed(int Minutes) : FlightEvent;

    /// <param name="Origin">The airport it departed from.</param>
    /// <param name="At">When.</param>
    /// <param name="Delay">In minutes against the schedule.</param>
    public sealed record Departed(string Origin, DateTimeOffset At, int Delay) : FlightEvent;

    public sealed record Arrived(DateTimeOffset At) : FlightEvent;

    public sealed record Cancelled(string Origin, string Reason) : FlightEvent;

    public sealed record Remarked(string Text) : FlightEvent;
}
