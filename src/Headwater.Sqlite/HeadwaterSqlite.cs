using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>Keeps the log, the read models and the cursors in a SQLite database.</summary>
public static class HeadwaterSqlite
{
    /// <summary>
    /// Keeps everything in one SQLite file on a local disk. It is opened at first use and closed with the host; several processes
    /// may share it.
    /// </summary>
    /// <param name="headwater">The application's declaration.</param>
    /// <param name="path">The file; it and its folder are created if they are missing.</param>
    /// <param name="besideOtherTables">
    /// Whether the log may move into a file in which the application has tables already, so that one transaction can write both; by
    /// default such a file is refused, because it is more often a mistake. Headwater's tables are <c>events</c>, <c>event_tags</c>,
    /// <c>receipts</c>, <c>checkpoints</c>, <c>skipped_events</c>, <c>rows</c> and <c>meta</c>.
    /// </param>
    public static HeadwaterBuilder UseSqlite(this HeadwaterBuilder headwater, string path, bool besideOtherTables = false)
    {
        ArgumentNullException.ThrowIfNull(headwater);
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var services = headwater.Services;
        services.AddSingleton<WriterThread>();
        services.AddSingleton(provider => new SqliteDatabase(
            path, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<WriterThread>(), new Random(), headwater.Options,
            provider.GetRequiredService<ILoggerFactory>())
        {
            BesideOtherTables = besideOtherTables,
        });
        services.AddSingleton<ILogStore>(provider => new SqliteLogStore(provider.GetRequiredService<SqliteDatabase>()));
        services.AddSingleton<IReadModelStore>(provider => new SqliteReadModelStore(provider.GetRequiredService<SqliteDatabase>()));
        services.AddSingleton<ICheckpointStore>(provider => new SqliteCheckpointStore(provider.GetRequiredService<SqliteDatabase>()));
        services.AddSingleton<ISignal>(provider => provider.GetRequiredService<SqliteDatabase>().Signal);
        return headwater;
    }
}
