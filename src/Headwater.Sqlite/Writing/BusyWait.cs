using Microsoft.Data.Sqlite;

namespace Headwater;

/// <summary>
/// Waits for the write lock while another connection has it: in steps of a few milliseconds, because SQLite tells nobody when
/// it is free, and for a bounded time.
/// </summary>
internal sealed class BusyWait(SqliteDatabase database)
{
    private static readonly TimeSpan timeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan lastStep = TimeSpan.FromMilliseconds(4);

    private readonly long started = database.Time.GetTimestamp();
    private TimeSpan step = TimeSpan.FromMilliseconds(1);

    /// <summary>Returns when it is time to try again.</summary>
    public async ValueTask After(SqliteException busy, CancellationToken cancel = default)
    {
        if (database.Time.GetElapsedTime(started) >= timeout)
            throw SqliteStoreException.Because(
                database.Path, $"has been locked by another connection, of this process or of another, for {timeout.TotalSeconds:0} s.",
                busy, isTransient: true);
        await Task.Delay(step, database.Time, cancel);
        step = step < lastStep ? step * 2 : step;
    }
}
