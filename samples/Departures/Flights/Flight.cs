using Headwater;

namespace Departures;

/// <summary>What a flight is, folded from what happened to it.</summary>
public sealed record Flight : IState<Flight, FlightEvent>
{
    private const double MilesPerHour = 460;
    private static readonly TimeSpan climbAndDescent = TimeSpan.FromMinutes(30);

    public FlightStatus Status { get; init; }

    public string Origin { get; init; } = "";

    public string Destination { get; init; } = "";

    public DateTimeOffset Scheduled { get; init; }

    /// <summary>In miles.</summary>
    public int Distance { get; init; }

    public string? Gate { get; init; }

    /// <summary>In minutes against the schedule; as announced, and after departure as it was.</summary>
    public int Delay { get; init; }

    public DateTimeOffset? Departed { get; init; }

    public DateTimeOffset? Arrived { get; init; }

    /// <summary>Why it was cancelled.</summary>
    public string? Reason { get; init; }

    /// <summary>The last remark.</summary>
    public string? Remark { get; init; }

    public static Flight Initial { get; } = new();

    public static Flight Evolve(Flight flight, FlightEvent happened) => happened switch
    {
        FlightEvent.Scheduled e => flight with
        {
            Status = FlightStatus.Scheduled, Origin = e.Origin, Destination = e.Destination, Scheduled = e.At, Distance = e.Distance,
        },
        FlightEvent.GateChanged e => flight with { Gate = e.Gate },
        FlightEvent.Delayed e => flight with { Delay = e.Minutes, Status = e.Minutes > 0 ? FlightStatus.Delayed : FlightStatus.Scheduled },
        FlightEvent.Departed e => flight with { Status = FlightStatus.Departed, Departed = e.At, Delay = e.Delay },
        FlightEvent.Arrived e => flight with { Status = FlightStatus.Arrived, Arrived = e.At },
        FlightEvent.Cancelled e => flight with { Status = FlightStatus.Cancelled, Reason = e.Reason },
        FlightEvent.Remarked e => flight with { Remark = e.Text },
        _ => flight,
    };

    /// <summary>How long a flight over a distance in miles takes, to the minute.</summary>
    public static TimeSpan Duration(int distance) =>
        TimeSpan.FromMinutes(Math.Round(distance / MilesPerHour * 60 + climbAndDescent.TotalMinutes));
}
