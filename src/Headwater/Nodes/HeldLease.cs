namespace Headwater;

/// <summary>
/// A lease this node has. It is over when its time is up by this process's monotonic clock, measured from before the store was
/// asked, so never later than the store thinks; or when the store says that somebody else has it.
/// </summary>
/// <param name="fence">Its fence.</param>
/// <param name="duration">How long it lasts.</param>
/// <param name="over">Cancelled when it is over; once that has happened it holds nothing that would have to be disposed.</param>
/// <param name="surroundings">Time and scheduling.</param>
internal sealed class HeldLease(long fence, TimeSpan duration, CancellationTokenSource over, Surroundings surroundings)
{
    private long askedAt;

    public long Fence => fence;

    /// <summary>Cancelled when the lease is over.</summary>
    public CancellationToken Over => over.Token;

    /// <summary>Whether it is over. It looks at the clock too, for a process that was paused may be late to cancel.</summary>
    public bool IsOver => over.IsCancellationRequested || Left <= TimeSpan.Zero;

    private TimeSpan Left => duration - surroundings.Time.GetElapsedTime(Volatile.Read(ref askedAt));

    /// <summary>The store gave it anew, asked at a timestamp of the clock.</summary>
    public void Renew(long asked)
    {
        Volatile.Write(ref askedAt, asked);
        if (Left is var left && left > TimeSpan.Zero)
            over.CancelAfter(left);
        else
            End();
    }

    public void End() => surroundings.Cancel(over);
}
