using NpgsqlTypes;

namespace Headwater;

/// <summary>How far a source is behind, from looks at how far its server has written.</summary>
internal sealed class SourceLag
{
    private const int MaxLooks = 1024;

    private readonly Lock gate = new();

    // Where the server was at which time, as far as that is not taken over yet.
    private readonly List<(ulong Lsn, DateTimeOffset At)> behind = [];
    private ulong handled;
    private ulong written;
    private long? retained;

    /// <summary>What is in the log.</summary>
    public void Handled(NpgsqlLogSequenceNumber lsn)
    {
        lock (gate)
        {
            handled = Math.Max(handled, (ulong)lsn);
            Forget();
        }
    }

    public void Seen(SlotState slot, DateTimeOffset now)
    {
        lock (gate)
        {
            // Where another node reads, what it confirms tells how far it is.
            handled = Math.Max(handled, (ulong)(slot.Confirmed ?? default));
            (written, retained) = ((ulong)slot.Written, slot.RetainedBytes);
            Forget();
            if (written > handled && behind.Count < MaxLooks)
                behind.Add((written, now));
        }
    }

    public (string? Position, long? Bytes, TimeSpan Time, long? Retained) At(DateTimeOffset now)
    {
        lock (gate)
            return (
                handled == 0 ? null : new NpgsqlLogSequenceNumber(handled).ToString(),
                handled == 0 || written == 0 ? null : (long)(written > handled ? written - handled : 0),
                behind.Count == 0 ? TimeSpan.Zero : now - behind[0].At, retained);
    }

    private void Forget() => behind.RemoveAll(look => look.Lsn <= handled);
}
