using Npgsql;

namespace Headwater;

/// <summary>Forgets old receipts now and then, so that nothing grows without bound. Receipts come only with appends, so it needs no clock of its own.</summary>
internal sealed class Housekeeping(PostgresDatabase database, HeadwaterOptions options)
{
    private const int TrimAtOnce = 1000;

    private readonly TimeSpan interval = options.ReceiptRetention / 16 < TimeSpan.FromHours(1) ? options.ReceiptRetention / 16 : TimeSpan.FromHours(1);
    private long next;

    /// <summary>Trims beside the caller's work, if it is time for it.</summary>
    public void Consider()
    {
        var (now, due) = (database.Time.GetUtcNow(), Interlocked.Read(ref next));
        if (now.UtcTicks >= due && Interlocked.CompareExchange(ref next, (now + interval).UtcTicks, due) == due)
            _ = Trim(now - options.ReceiptRetention);
    }

    private async Task Trim(DateTimeOffset before)
    {
        try
        {
            int trimmed;
            do
            {
                await using var command = database.Source.CreateCommand(database.Sql.TrimReceipts);
                command.Parameters.With(before).With((long)TrimAtOnce);
                trimmed = await command.ExecuteNonQueryAsync();
            }
            while (trimmed == TrimAtOnce);
        }
        catch (Exception e) when (e is NpgsqlException or ObjectDisposedException)
        {
            // The next append's turn will do.
        }
    }
}
