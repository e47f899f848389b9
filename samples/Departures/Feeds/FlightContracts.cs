using Headwater;

namespace Departures;

// What the world may see of an event. These shapes are promises; the stored events behind them may change.
public sealed record FlightScheduled(string Flight, string Origin, string Destination, DateTimeOffset Scheduled, int Distance);

public sealed record FlightGateChanged(string Flight, string Gate);

public sealed record FlightDelayed(string Flight, int Minutes);

public sealed record FlightDeparted(string Flight, DateTimeOffset At);

public sealed record FlightArrived(string Flight, DateTimeOffset At);

public sealed record FlightCancelled(string Flight, string Reason);

public sealed record FlightRemarked(string Flight, string Text);

internal static class FlightContracts
{
    public static FeedBuilder UnderFlightContracts(this FeedBuilder feed) => feed
        .Contract<FlightEvent.Scheduled, FlightScheduled>("scheduled", (e, at) => new(at.Stream.Key, e.Origin, e.Destination, e.At, e.Distance))
        .Contract<FlightEvent.GateChanged, FlightGateChanged>("gate-changed", (e, at) => new(at.Stream.Key, e.Gate))
        .Contract<FlightEvent.Delayed, FlightDelayed>("delayed", (e, at) => new(at.Stream.Key, e.Minutes))
        .Contract<FlightEvent.Departed, FlightDeparted>("departed", (e, at) => new(at.Stream.Key, e.At))
        .Contract<FlightEvent.Arrived, FlightArrived>("arrived", (e, at) => new(at.Stream.Key, e.At))
        .Contract<FlightEvent.Cancelled, FlightCancelled>("cancelled", (e, at) => new(at.Stream.Key, e.Reason))
        .Contract<FlightEvent.Remarked, FlightRemarked>("remarked", (e, at) => new(at.Stream.Key, e.Text));
}
