namespace Headwater;

/// <summary>
/// A trouble that goes away by itself, such as a database that is away for a while: how often it has occurred, how long to wait before
/// trying again, and what of it is worth a line in the log. That is its beginning and its end, and of a trouble that comes and goes one
/// such pair in 10 s, so that the lines stay few however many meet it and however long it lasts.
/// </summary>
internal sealed class Trouble(Surroundings surroundings)
{
    private static readonly TimeSpan quiet = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private volatile bool isNow;
    private bool isSaid;
    private long? saidAt;
    private int inARow;
    private int sinceSaid;

    /// <summary>Whether it occurred the last time.</summary>
    public bool IsNow => isNow;

    /// <summary>How long to wait before the next attempt: the longer, the more have failed one after the other.</summary>
    public TimeSpan Backoff => surroundings.Backoff(inARow);

    /// <summary>It has occurred.</summary>
    /// <returns>Whether to say so.</returns>
    public bool Occurs()
    {
        lock (gate)
        {
            (isNow, inARow, sinceSaid) = (true, inARow + 1, sinceSaid + 1);
            if (isSaid || (saidAt is { } last && surroundings.Time.GetElapsedTime(last) < quiet))
                return false;
            saidAt = surroundings.Time.GetTimestamp();
            return isSaid = true;
        }
    }

    /// <summary>All went well.</summary>
    /// <param name="times">How often it has occurred since its end was last said.</param>
    /// <returns>Whether to say so: its beginning was said.</returns>
    public bool IsOver(out int times)
    {
        times = 0;
        if (!isNow)
            return false;
        lock (gate)
        {
            (isNow, inARow) = (false, 0);
            if (!isSaid)
                return false;
            (isSaid, times, sinceSaid) = (false, sinceSaid, 0);
            return true;
        }
    }
}
