using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>
/// How far the log can be read: up to the position below which no open transaction may still add an event. It never goes back here:
/// what was readable once stays so, even if somebody announces himself late with a position that was handed out long ago.
/// </summary>
/// <remarks>
/// Everybody who asks at once shares one look, and looks keep a short distance from each other: under load each finds many events,
/// instead of the database being asked once for each.
/// </remarks>
internal sealed partial class Watermark(PostgresDatabase database, ILogger<Watermark> logger) : IWatermark
{
    // Whoever is open for so long is named.
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly Pace pace = new(database.Time);
    private Task<(long Readable, long Issued)>? next;
    private Task looking = Task.CompletedTask;
    private long readable;
    private (long At, long Since)? held;
    private volatile WatermarkStatus status = new(Position.Start, Position.Start, TimeSpan.Zero, null);

    public WatermarkStatus Status => status;

    /// <summary>How often the database was asked.</summary>
    public int Looks { get; private set; }

    /// <summary>What is known to be readable without asking.</summary>
    public long Known => Volatile.Read(ref readable);

    /// <summary>Asks the database, with a look that begins after this call.</summary>
    public Task<(long Readable, long Issued)> Look(CancellationToken cancel)
    {
        lock (gate)
        {
            next ??= LookNext(looking);
            return next.WaitAsync(cancel);
        }
    }

    /// <summary>Says who keeps the log from being read further, if anybody does.</summary>
    public async ValueTask<WatermarkHolder?> Holder(CancellationToken cancel)
    {
        var found = await database.Query(database.Sql.Holder, parameters => parameters.With(Known), static row => new WatermarkHolder(
            row.IsDBNull(0) ? null : row.GetInt32(0), row.IsDBNull(1) ? null : row.GetString(1), row.IsDBNull(2) ? null : row.GetString(2),
            row.IsDBNull(3) ? null : row.GetString(3), row.IsDBNull(4) ? TimeSpan.Zero : TimeSpan.FromSeconds(row.GetDouble(4))), cancel);
        return found.Count == 0 ? null : found[0];
    }

    private async Task<(long Readable, long Issued)> LookNext(Task before)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        await pace.Begin();
        lock (gate)
            (looking, next) = (next!, null);
        try
        {
            return await LookNow();
        }
        finally
        {
            pace.End();
        }
    }

    private async Task<(long Readable, long Issued)> LookNow()
    {
        Looks++;
        var known = Known;
        var (now, issued, heldAt) = (await database.Query(
            database.Sql.Head, static _ => { }, static row => (row.GetInt64(0), row.GetInt64(1), row.IsDBNull(2) ? (long?)null : row.GetInt64(2)),
            CancellationToken.None))[0];
        if (issued < known)
            throw PostgresStoreException.Because(database.Name,
                $"is an older copy now: its last position is {issued}, and {known} was read. Start again to use it, and give it a new epoch.");
        if (now > known)
            Volatile.Write(ref readable, now);
        await Watch(heldAt, issued);
        return (Known, issued);
    }

    /// <summary>Finds out who it is that readers have been waiting for, and says so once.</summary>
    private async ValueTask Watch(long? heldAt, long issued)
    {
        held = heldAt is not { } at ? null : held is { } before && before.At == at ? before : (at, database.Time.GetTimestamp());
        var waiting = held is { } since ? database.Time.GetElapsedTime(since.Since) : TimeSpan.Zero;
        var holder = waiting < patience ? null : await Holder(CancellationToken.None);
        var isNew = holder is not null && (holder.Pid, holder.Prepared) != (status.Holder?.Pid, status.Holder?.Prepared);
        if (isNew)
            LogHeld(logger, waiting.TotalSeconds, holder!.ToString());
        if (status.Holder is not null && holder is null)
            LogFree(logger);
        status = new(new Position(Known), new Position(issued), waiting, holder);
    }

    [LoggerMessage(210, LogLevel.Warning, "Readers have been waiting for {Seconds:0.0} s for a transaction that has appended and is open. {Holder}")]
    private static partial void LogHeld(ILogger logger, double seconds, string holder);

    [LoggerMessage(211, LogLevel.Information, "Readers wait no longer: the transaction that held them has ended.")]
    private static partial void LogFree(ILogger logger);
}
