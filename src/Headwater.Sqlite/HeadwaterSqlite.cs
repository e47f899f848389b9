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
        AddDatabase(headwater, null, path, besideOtherTables);
        var services = headwater.Services;
        services.AddSingleton<ILogStore>(provider => new SqliteLogStore(provider.GetRequiredService<SqliteDatabase>()));
        services.AddSingleton<IReadModelStore>(provider => new SqliteReadModelStore(provider.GetRequiredService<SqliteDatabase>()));
        services.AddSingleton<ICheckpointStore>(provider => new SqliteCheckpointStore(provider.GetRequiredService<SqliteDatabase>()));
        services.AddSingleton<ISignal>(provider => provider.GetRequiredService<SqliteDatabase>().Signal);
        return headwater;
    }

    /// <summary>
    /// Adds a SQLite file in which projections can keep their rows (<see cref="ProjectionBuilder.KeptIn"/>), whatever the log is kept in.
    /// Each node has a file of its own and runs those projections for itself.
    /// </summary>
    /// <param name="headwater">The application's declaration.</param>
    /// <param name="name">What the application calls it, such as <c>local</c>.</param>
    /// <param name="path">The file; it and its folder are created if they are missing. It is made again from the log if it is deleted.</param>
    /// <param name="besideOtherTables">Whether the file may have tables of the application already; see <see cref="UseSqlite"/>.</param>
    public static HeadwaterBuilder AddSqliteReadModels(this HeadwaterBuilder headwater, string name, string path, bool besideOtherTables = false)
    {
        ArgumentNullException.ThrowIfNull(headwater);
        AddDatabase(headwater, name, path, besideOtherTables);
        return headwater.AddReadModels(name, provider =>
        {
            var database = provider.GetRequiredKeyedService<SqliteDatabase>(name);
            return new ReadModelDatabase(new SqliteReadModelStore(database), new SqliteCheckpointStore(database)) { IsLocal = true };
        });
    }

    /// <summary>Registers a file, with a thread for its commits; without a name it is the log's.</summary>
    private static void AddDatabase(HeadwaterBuilder headwater, string? name, string path, bool besideOtherTables)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        headwater.Services.AddKeyedSingleton<WriterThread>(name);
        headwater.Services.AddKeyedSingleton(name, (provider, key) => new SqliteDatabase(
            path, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredKeyedService<WriterThread>(key), new Random(), headwater.Options,
            provider.GetRequiredService<ILoggerFactory>())
        {
            BesideOtherTables = besideOtherTables,
        });
    }
}
