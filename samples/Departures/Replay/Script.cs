using System.Globalization;
using Headwater;

namespace Departures;

/// <summary>Something that happens at a moment of simulated time.</summary>
internal sealed record Step(DateTimeOffset At, string Flight, ICommand<Flight, FlightEvent> Command);

/// <summary>Turns real flights into what happens when. The same flights give the same script, step by step.</summary>
internal static class Script
{
    private const int AnnouncedDelay = 5;

    /// <summary>When simulated time begins: shortly before the first morning gets busy. What is due before happens then.</summary>
    public static DateTimeOffset Begin { get; } = new(2001, 1, 1, 5, 30, 0, TimeSpan.Zero);

    public static IReadOnlyList<Step> Of(IReadOnlyList<RealFlight> flights) =>
        [.. flights.SelectMany((flight, row) => StepsOf(flight, row + 1)).OrderBy(step => step.At)];

    private static IEnumerable<Step> StepsOf(RealFlight flight, int number)
    {
        var key = string.Create(CultureInfo.InvariantCulture, $"HW{number:D5}");
        var scheduled = flight.Scheduled;
        var departs = scheduled.AddMinutes(flight.Delay);
        var arrives = departs + Flight.Duration(flight.Distance);

        // The number stands in for chance, so that not all of it happens on the hour.
        yield return At(scheduled.AddHours(-24 - number % 12).AddMinutes(number % 30), new Schedule(flight.Origin, flight.Destination, scheduled, flight.Distance));
        yield return At(scheduled.AddHours(-2).AddMinutes(number % 20), new ChangeGate($"{"ABCDE"[number % 5]}{1 + number * 7 % 38}"));
        if (flight.Delay >= AnnouncedDelay)
            yield return At(scheduled.AddHours(-1).AddMinutes(number % 15), new Delay(flight.Delay));
        yield return At(departs, new Depart(departs));
        yield return At(arrives, new Arrive(arrives));

        Step At(DateTimeOffset at, ICommand<Flight, FlightEvent> command) => new(at < Begin ? Begin : at, key, command);
    }
}
