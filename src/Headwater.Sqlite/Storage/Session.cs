using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Headwater;

/// <summary>An open connection and its prepared statements, used by one caller at a time.</summary>
internal sealed class Session : IDisposable
{
    private const int MaxComposed = 64;

    private readonly Statement?[] prepared = new Statement?[Sql.Count];
    private readonly Dictionary<string, Statement> composed = [];

    private readonly bool isOwner;

    private Session(SqliteConnection connection, bool isOwner) =>
        (Connection, Handle, this.isOwner) = (connection, connection.Handle!, isOwner);

    public SqliteConnection Connection { get; }

    public sqlite3 Handle { get; }

    /// <summary>Texts that come again and again.</summary>
    public TextPool Names { get; } = new();

    /// <summary>Whether a transaction is open. After an error it may be gone, and with it everything that was done in it.</summary>
    public bool IsInTransaction => !Handle.IsClosed && raw.sqlite3_get_autocommit(Handle) == 0;

    /// <summary>
    /// Opens a connection of its own: the provider's pool would keep files open after the end and hand settings from one owner
    /// to the next.
    /// </summary>
    public static Session Open(string path, SqliteOpenMode mode, TimeSpan busyTimeout)
    {
        var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = path, Mode = mode, Pooling = false, DefaultTimeout = 1 }.ToString());
        try
        {
            connection.Open();
            var session = new Session(connection, isOwner: true);
            session.WaitWhenBusy(busyTimeout);
            return session;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Uses an open connection of somebody else for a while, and leaves it as it is.</summary>
    public static Session Over(SqliteConnection connection) => new(connection, isOwner: false);

    /// <summary>How long SQLite itself waits when another connection is in the way.</summary>
    public void WaitWhenBusy(TimeSpan atMost) => _ = raw.sqlite3_busy_timeout(Handle, (int)atMost.TotalMilliseconds);

    /// <summary>A statement, to be disposed after its use.</summary>
    public Statement Use(Sql sql) => prepared[sql.Index] ??= new Statement(Handle, sql.Text);

    /// <summary>A statement whose text was put together.</summary>
    public Statement Use(string sql)
    {
        if (composed.TryGetValue(sql, out var statement))
            return statement;
        if (composed.Count == MaxComposed)
            CloseComposed();
        return composed[sql] = new Statement(Handle, sql);
    }

    /// <summary>Runs a statement without parameters.</summary>
    public void Run(Sql sql)
    {
        using var statement = Use(sql);
        statement.Step();
    }

    /// <summary>Runs a text once: a setting, or a script of several statements. Every one of them is checked.</summary>
    public void RunScript(string sql)
    {
        var result = raw.sqlite3_exec(Handle, sql);
        if (result != raw.SQLITE_OK)
            SqliteException.ThrowExceptionForRC(result, Handle);
    }

    /// <summary>Runs a text once and returns its one value as text.</summary>
    public string? Ask(string sql)
    {
        var statement = new Statement(Handle, sql);
        try
        {
            return statement.Step() ? statement.TextOrNull(0) : null;
        }
        finally
        {
            statement.Close();
        }
    }

    /// <summary>Changes a setting and makes sure that it took hold.</summary>
    public void Set(string setting, string value, string? reads = null)
    {
        Ask($"PRAGMA {setting} = {value}");
        var actual = Ask($"PRAGMA {setting}");
        if (actual != (reads ?? value))
            throw SqliteStoreException.Because(Connection.DataSource, $"keeps its setting {setting} at '{actual}' and does not take '{value}'.");
    }

    /// <summary>Closes the connection. What is not committed is undone first, whatever the state the transaction is in.</summary>
    public void Dispose()
    {
        if (isOwner && IsInTransaction)
            _ = raw.sqlite3_exec(Handle, "ROLLBACK");
        foreach (var statement in prepared)
            statement?.Close();
        CloseComposed();
        if (!isOwner)
            return;
        try
        {
            Connection.Dispose();
        }
        catch (SqliteException)
        {
            // The provider could not undo a transaction that has ended behind its back. Now it knows, and closes.
            Connection.Dispose();
        }
    }

    private void CloseComposed()
    {
        foreach (var statement in composed.Values)
            statement.Close();
        composed.Clear();
    }
}
