namespace Headwater;

/// <summary>
/// How far the log can be read: up to the position below which no open transaction may still add an event. It never goes back here:
/// what was readable once stays so, even if somebody announces himself late with a position that was handed out long ago.
/// </summary>
internal sealed class Watermark(PostgresDatabase database)
{
    private long readable;

    /// <summary>What is known to be readable without asking.</summary>
    public long Known => Volatile.Read(ref readable);

    /// <summary>Asks the database.</summary>
    public async ValueTask<(long Readable, long Issued)> Look(CancellationToken cancel)
    {
        var known = Known;
        var (now, issued) = (await database.Query(
            database.Sql.Head, static _ => { }, static row => (row.GetInt64(0), row.GetInt64(1)), cancel))[0];
        if (issued < known)
            throw PostgresStoreException.Because(database.Name,
                $"is an older copy now: its last position is {issued}, and {known} was read. Start again to use it, and give it a new epoch.");
        while (now > known)
            known = Interlocked.CompareExchange(ref readable, now, known) is var seen && seen == known ? now : seen;
        return (known, issued);
    }

    /// <summary>Says who keeps the log from being read further, if anybody does.</summary>
    public async ValueTask<WatermarkHolder?> Holder(CancellationToken cancel)
    {
        var found = await database.Query(database.Sql.Holder, parameters => parameters.With(Known), static row => new WatermarkHolder(
            row.IsDBNull(0) ? null : row.GetInt32(0), row.IsDBNull(1) ? null : row.GetString(1), row.IsDBNull(2) ? null : row.GetString(2),
            row.IsDBNull(3) ? null : row.GetString(3), row.IsDBNull(4) ? TimeSpan.Zero : TimeSpan.FromSeconds(row.GetDouble(4))), cancel);
        return found.Count == 0 ? null : found[0];
    }
}
