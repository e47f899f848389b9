using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Headwater;

/// <summary>
/// A prepared statement. It is bound and stepped through SQLite's own calls, because the parameter objects and the
/// re-preparing of commands would cost more than the statements of an append themselves. Disposing it makes it ready for its
/// next use; a statement left half-read would keep its snapshot, and with it the write-ahead log, from being given back.
/// </summary>
internal sealed class Statement : IDisposable
{
    private const int StackBytes = 512;

    private readonly sqlite3 database;
    private readonly sqlite3_stmt handle;

    public Statement(sqlite3 database, string sql)
    {
        this.database = database;
        Check(raw.sqlite3_prepare_v3(database, sql, raw.SQLITE_PREPARE_PERSISTENT, out handle));
    }

    public Statement Bind(int at, long value)
    {
        Check(raw.sqlite3_bind_int64(handle, at, value));
        return this;
    }

    public Statement Bind(int at, string? text)
    {
        if (text is null)
            Check(raw.sqlite3_bind_null(handle, at));
        else if (Encoding.UTF8.GetMaxByteCount(text.Length) is var size && size <= StackBytes)
            BindEncoded(at, text, stackalloc byte[size]);
        else
            BindEncoded(at, text, new byte[size]);
        return this;
    }

    /// <summary>Text that is encoded already. A missing array would become an empty memory, so it has an overload of its own.</summary>
    public Statement BindUtf8(int at, byte[]? text) => BindUtf8(at, text is null ? default(ReadOnlyMemory<byte>?) : text.AsMemory());

    /// <summary>Text that is encoded already; null if it is not there.</summary>
    public Statement BindUtf8(int at, ReadOnlyMemory<byte>? text)
    {
        if (text is { } value)
            BindUtf8(at, value.Span);
        else
            Check(raw.sqlite3_bind_null(handle, at));
        return this;
    }

    public Statement BindBlob(int at, ReadOnlySpan<byte> bytes)
    {
        Check(bytes.IsEmpty ? raw.sqlite3_bind_zeroblob(handle, at, 0) : raw.sqlite3_bind_blob(handle, at, bytes));
        return this;
    }

    /// <summary>Goes to the next row; false if there is none.</summary>
    public bool Step()
    {
        var result = raw.sqlite3_step(handle);
        if (result == raw.SQLITE_ROW)
            return true;
        if (result != raw.SQLITE_DONE)
            Check(result);
        return false;
    }

    /// <summary>Runs a statement that writes; returns how many rows it changed.</summary>
    public int Run()
    {
        Step();
        return raw.sqlite3_changes(database);
    }

    public bool IsNull(int column) => raw.sqlite3_column_type(handle, column) == raw.SQLITE_NULL;

    /// <summary>A number; 0 for null.</summary>
    public long Number(int column) => raw.sqlite3_column_int64(handle, column);

    /// <summary>Text read by its length, because it may hold a zero character.</summary>
    public string Text(int column) => Encoding.UTF8.GetString(Bytes(column));

    public string? TextOrNull(int column) => IsNull(column) ? null : Text(column);

    /// <summary>The bytes of a blob or text, valid until the next step.</summary>
    public ReadOnlySpan<byte> Bytes(int column) => raw.sqlite3_column_blob(handle, column);

    /// <summary>Makes it ready for its next use. What went wrong was said by the step.</summary>
    public void Dispose() => raw.sqlite3_reset(handle);

    public void Close() => handle.Dispose();

    private void BindEncoded(int at, string text, Span<byte> buffer) => BindUtf8(at, buffer[..Encoding.UTF8.GetBytes(text, buffer)]);

    private void BindUtf8(int at, ReadOnlySpan<byte> text) =>
        Check(text.IsEmpty ? raw.sqlite3_bind_text(handle, at, "") : raw.sqlite3_bind_text(handle, at, text));

    private void Check(int result)
    {
        if (result != raw.SQLITE_OK)
            SqliteException.ThrowExceptionForRC(result, database);
    }
}
