using System.Data.Common;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Headwater;

/// <summary>The database cannot be used, now or at all. The message names the file and says what is wrong.</summary>
public sealed class SqliteStoreException : DbException
{
    private SqliteStoreException(string path, string what, Exception? cause, bool isTransient)
        : base($"The database '{path}' {what}", cause) => (Path, IsTransient) = (path, isTransient);

    /// <summary>The database's file.</summary>
    public string Path { get; }

    /// <summary>Whether the same may go well later, because the disk has room again or another connection has ended its work.</summary>
    public override bool IsTransient { get; }

    internal static SqliteStoreException Because(string path, string what, Exception? cause = null, bool isTransient = false) =>
        new(path, what, cause, isTransient);

    /// <summary>Says in words what SQLite or the file system reported.</summary>
    internal static Exception From(string path, Exception e) => e switch
    {
        SqliteException sqlite => Because(path, Describe(sqlite), sqlite, IsPassing(sqlite.SqliteErrorCode)),
        IOException or UnauthorizedAccessException => Because(path, $"cannot be opened: {e.Message}", e, isTransient: e is IOException),
        _ => e,
    };

    /// <summary>Whether the error is about the whole database rather than about one statement.</summary>
    internal static bool Concerns(Exception e) => e is SqliteStoreException || e is SqliteException sqlite && sqlite.SqliteErrorCode is
        raw.SQLITE_FULL or raw.SQLITE_IOERR or raw.SQLITE_NOMEM or raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB or raw.SQLITE_CANTOPEN
        or raw.SQLITE_READONLY or raw.SQLITE_PROTOCOL or raw.SQLITE_BUSY or raw.SQLITE_INTERRUPT;

    private static bool IsPassing(int code) => code is
        raw.SQLITE_FULL or raw.SQLITE_IOERR or raw.SQLITE_NOMEM or raw.SQLITE_CANTOPEN or raw.SQLITE_BUSY or raw.SQLITE_READONLY or raw.SQLITE_PROTOCOL;

    private static string Describe(SqliteException e) => e.SqliteErrorCode switch
    {
        raw.SQLITE_FULL => "cannot grow: the disk is full. Nothing acknowledged is lost; make room and try again.",
        raw.SQLITE_BUSY => "is locked by another connection, of this process or of another.",
        raw.SQLITE_NOTADB => "is no SQLite database.",
        raw.SQLITE_CANTOPEN => "cannot be opened: its folder or the file is missing or may not be written.",
        raw.SQLITE_READONLY => "cannot be written: the file or its folder is read-only.",
        raw.SQLITE_CORRUPT => $"is damaged: {e.Message}",
        raw.SQLITE_IOERR => $"cannot be read or written: {e.Message} (extended code {e.SqliteExtendedErrorCode})",
        _ => $"reports: {e.Message}",
    };
}
