namespace Headwater;

/// <summary>
/// Keeps what is done again and again at a distance: a few milliseconds from begin to begin, and more where each turn takes long, so
/// that a busy database spends most of its time on other work. Who comes after a pause does not wait.
/// </summary>
internal sealed class Pace(TimeProvider time)
{
    private static readonly TimeSpan distance = TimeSpan.FromMilliseconds(4);

    // A turn that took 2 ms is followed by the next one 8 ms after its begin, or later.
    private const int RestPerTurn = 4;

    private static readonly TimeSpan longest = TimeSpan.FromMilliseconds(40);

    private long begun;
    private TimeSpan pause;

    /// <summary>Waits until the next turn is due, and begins it.</summary>
    public async ValueTask Begin()
    {
        var rest = pause - time.GetElapsedTime(begun);
        if (rest > TimeSpan.Zero)
            await Task.Delay(rest, time);
        begun = time.GetTimestamp();
        pause = distance;
    }

    /// <summary>Ends the turn.</summary>
    public void End()
    {
        var due = RestPerTurn * time.GetElapsedTime(begun);
        pause = due < distance ? distance : due > longest ? longest : due;
    }
}
