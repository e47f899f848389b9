using Microsoft.Data.Sqlite;

namespace Headwater;

/// <summary>
/// Notices what other processes append: SQLite counts the commits for a connection that makes none itself, and asking for the
/// number costs a few microseconds. What this process appended needs no signal, and is told from the rest by its position.
/// </summary>
internal sealed class SqliteSignal(SqliteDatabase database) : ISignal
{
    private static readonly TimeSpan interval = TimeSpan.FromMilliseconds(25);

    private readonly Lock gate = new();
    private Session? session;
    private bool isClosed;
    private long seen;

    public async ValueTask Wait(CancellationToken cancel)
    {
        await database.Open(cancel);
        while (!HasChanged())
            await Task.Delay(interval, database.Time, cancel);
    }

    public void Close()
    {
        lock (gate)
        {
            isClosed = true;
            session?.Dispose();
            session = null;
        }
    }

    /// <summary>A new connection counts anew, so its first number says nothing.</summary>
    private bool HasChanged()
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(isClosed, this);
            try
            {
                session ??= database.OpenReader();
                using var version = session.Use(Sql.DataVersion);
                version.Step();
                var before = seen;
                seen = version.Number(0);
                return seen != before && LogPages.Head(session) > database.Writer.AppendedTo;
            }
            catch (SqliteException e)
            {
                session?.Dispose();
                session = null;
                throw SqliteStoreException.From(database.Path, e);
            }
        }
    }
}
