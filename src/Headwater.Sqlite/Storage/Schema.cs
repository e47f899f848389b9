using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Headwater;

/// <summary>
/// Brings a database to the tables this version expects. Each numbered script runs once, all that are missing in one
/// transaction, whoever of several starting processes comes first.
/// </summary>
internal static class Schema
{
    // "HWTR", in the file's header: by this Headwater knows its databases from others.
    private const int ApplicationId = 0x48575452;

    // The first release that cannot lose committed pages when two connections write and checkpoint at once.
    private static readonly Version oldestSqlite = new(3, 51, 3);

    private static readonly string[] scripts = [.. SqlFiles.Texts("Migrations")];

    /// <summary>Checks the database, migrates it if need be, and returns the log's epoch.</summary>
    /// <param name="session">A connection to it.</param>
    /// <param name="path">Its file, for errors.</param>
    /// <param name="besideOtherTables">Whether the log may move in where others have tables already.</param>
    /// <param name="newEpoch">Makes the epoch of a new log.</param>
    public static string Bring(Session session, string path, bool besideOtherTables, Func<string> newEpoch)
    {
        CheckEngine(session.Connection.ServerVersion);
        if (!IsCurrentInOneSnapshot(session, path, besideOtherTables))
            Migrate(session, path, besideOtherTables, newEpoch);
        using var epoch = session.Use(Sql.Epoch);
        return epoch.Step() ? epoch.Text(0) : throw SqliteStoreException.Because(path, "has lost its epoch: the table meta is damaged.");
    }

    public static void CheckEngine(string version)
    {
        if (Version.Parse(version) < oldestSqlite)
            throw new NotSupportedException(
                $"SQLite {version} can lose committed data when several connections write and checkpoint at once; {oldestSqlite} or newer is needed.");
    }

    /// <summary>Otherwise a file that another process brings to its tables just now would have tables and not yet our mark.</summary>
    private static bool IsCurrentInOneSnapshot(Session session, string path, bool besideOtherTables)
    {
        session.Run(Sql.BeginRead);
        try
        {
            return IsCurrent(session, path, besideOtherTables);
        }
        finally
        {
            // Some errors end the transaction by themselves.
            if (session.IsInTransaction)
                session.Run(Sql.EndRead);
        }
    }

    private static bool IsCurrent(Session session, string path, bool besideOtherTables)
    {
        var (id, version) = (Number(session, "PRAGMA application_id"), Number(session, "PRAGMA user_version"));
        if (id != ApplicationId
            && (id != 0 || version != 0 || !besideOtherTables && Number(session, "SELECT count(*) FROM sqlite_schema") != 0))
            throw SqliteStoreException.Because(path,
                "belongs to another application; give Headwater a file of its own. If the log is to stand beside the tables of this application, "
                + "so that one transaction can write both, say UseSqlite(path, besideOtherTables: true).");
        if (version > scripts.Length)
            throw SqliteStoreException.Because(path,
                $"was written by a newer version of Headwater: its schema is number {version}, and this version knows {scripts.Length}.");
        return id == ApplicationId && version == scripts.Length;
    }

    private static void Migrate(Session session, string path, bool besideOtherTables, Func<string> newEpoch)
    {
        // It cannot be changed in a transaction, and it stays with the file.
        session.Set("journal_mode", "WAL", reads: "wal");
        session.RunScript("BEGIN IMMEDIATE");
        try
        {
            if (!IsCurrent(session, path, besideOtherTables))
            {
                for (var number = (int)Number(session, "PRAGMA user_version"); number < scripts.Length; number++)
                    session.RunScript(scripts[number]);
                session.RunScript($"PRAGMA application_id = {ApplicationId}; PRAGMA user_version = {scripts.Length}");
                using var insert = session.Use(Sql.InsertEpoch);
                insert.Bind(1, newEpoch()).Run();
            }

            session.RunScript("COMMIT");
        }
        catch (SqliteException e)
        {
            if (session.IsInTransaction)
                session.RunScript("ROLLBACK");
            if (SqliteStoreException.Concerns(e))
                throw;
            throw SqliteStoreException.Because(path, $"cannot be brought to schema number {scripts.Length}: {e.Message}", e);
        }
    }

    /// <summary>Records which log the read models are made from, unless that is on record, and returns what is.</summary>
    public static string Bind(Session session, string epoch)
    {
        using var bind = session.Use(Sql.Bind);
        bind.Bind(1, epoch).Step();
        return bind.Text(0);
    }

    private static long Number(Session session, string sql) => long.Parse(session.Ask(sql)!, CultureInfo.InvariantCulture);
}
