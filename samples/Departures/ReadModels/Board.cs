using Headwater;

namespace Departures;

/// <summary>A line of the departures board.</summary>
public sealed record BoardRow(
    string Flight, string Airport, string Destination, DateTimeOffset Scheduled, int Distance, string? Gate, int Delay, FlightStatus Status,
    DateTimeOffset? Departed, DateTimeOffset? Arrived, string? Reason, string? Remark, long Version);

/// <summary>Keeps one row per flight.</summary>
internal sealed class Board : IProjection<BoardRow>
{
    public async ValueTask Apply(RecordedEvent happened, Rows<BoardRow> rows, CancellationToken cancel)
    {
        var flight = happened.Stream.Key;
        var row = happened.Event is FlightEvent.Scheduled e
            ? new BoardRow(flight, e.Origin, e.Destination, e.At, e.Distance, null, 0, FlightStatus.Scheduled, null, null, null, null, 0)
            : await rows.Get(flight, cancel);
        if (row is not null)
            rows.Set(flight, Changed(row, (FlightEvent)happened.Event) with { Version = happened.Version });
    }

    private static BoardRow Changed(BoardRow row, FlightEvent happened) => happened switch
    {
        FlightEvent.GateChanged e => row with { Gate = e.Gate },
        FlightEvent.Delayed e => row with { Delay = e.Minutes, Status = e.Minutes > 0 ? FlightStatus.Delayed : FlightStatus.Scheduled },
        FlightEvent.Departed e => row with { Departed = e.At, Delay = e.Delay, Status = FlightStatus.Departed },
        FlightEvent.Arrived e => row with { Arrived = e.At, Status = FlightStatus.Arrived },
        FlightEvent.Cancelled e => row with { Reason = e.Reason, Status = FlightStatus.Cancelled },
        FlightEvent.Remarked e => row with { Remark = e.Text },
        _ => row,
    };
}
