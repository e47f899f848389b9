using Headwater;

namespace Departures;

/// <summary>How well an airport does.</summary>
/// <param name="Airport">Its IATA code.</param>
/// <param name="Departures">How many flights have departed.</param>
/// <param name="Delayed">How many of them departed 15 minutes late or more.</param>
/// <param name="Cancelled">How many flights were cancelled.</param>
/// <param name="TotalDelay">The delays of all that departed, in minutes; early ones count against late ones.</param>
public sealed record AirportRow(string Airport, int Departures, int Delayed, int Cancelled, long TotalDelay);

/// <summary>Counts per airport what departs and what is cancelled.</summary>
internal sealed class Airports : IProjection<AirportRow>
{
    private const int DelayedFrom = 15;

    public async ValueTask Apply(RecordedEvent happened, Rows<AirportRow> rows, CancellationToken cancel)
    {
        switch (happened.Event)
        {
            case FlightEvent.Departed e:
                var row = await Row(e.Origin);
                rows.Set(e.Origin, row with
                {
                    Departures = row.Departures + 1,
                    Delayed = row.Delayed + (e.Delay >= DelayedFrom ? 1 : 0),
                    TotalDelay = row.TotalDelay + e.Delay,
                });
                break;

            case FlightEvent.Cancelled e:
                row = await Row(e.Origin);
                rows.Set(e.Origin, row with { Cancelled = row.Cancelled + 1 });
                break;
        }

        async ValueTask<AirportRow> Row(string airport) => await rows.Get(airport, cancel) ?? new AirportRow(airport, 0, 0, 0, 0);
    }
}
