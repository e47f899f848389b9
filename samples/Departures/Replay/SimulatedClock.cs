namespace Departures;

/// <summary>What the clock shows, and how fast it goes.</summary>
public sealed record ClockFace(DateTimeOffset Now, double MinutesPerSecond);

/// <summary>
/// Simulated time. It never passes the step that is to be taken next, so it stands still while steps cannot be taken, and does
/// not have to jump back to where it had been when the application starts again.
/// </summary>
internal sealed class SimulatedClock(TimeProvider time, double minutesPerSecond)
{
    private readonly Lock gate = new();
    private DateTimeOffset from = Script.Begin, limit = Script.Begin;
    private long since = time.GetTimestamp();

    public ClockFace Face => new(Now, minutesPerSecond);

    public bool StandsStill => minutesPerSecond == 0;

    public DateTimeOffset Now
    {
        get
        {
            lock (gate)
            {
                var minutes = time.GetElapsedTime(since).TotalSeconds * minutesPerSecond;
                return minutes < (limit - from).TotalMinutes ? from.AddMinutes(minutes) : limit;
            }
        }
    }

    /// <summary>Sets it.</summary>
    public void Set(DateTimeOffset at)
    {
        lock (gate)
            (from, limit) = (at, at);
    }

    /// <summary>Lets it run to a moment and no further.</summary>
    /// <returns>How long that takes.</returns>
    public TimeSpan RunTo(DateTimeOffset moment)
    {
        lock (gate)
        {
            (from, since, limit) = (Now, time.GetTimestamp(), moment);
            return (limit - from) / (minutesPerSecond * 60);
        }
    }
}
