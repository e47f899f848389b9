using System.Data.Common;

namespace Headwater;

/// <summary>The log in a SQLite database.</summary>
internal sealed class SqliteLogStore(SqliteDatabase database) : ITransactionalLogStore
{
    public bool CommitsInOrder => true;

    public ValueTask<LogHead> Head(CancellationToken cancel) => database.Read(
        database, static (session, database) => new LogHead(database.Epoch, new Position(LogPages.Head(session))), cancel);

    public ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel) =>
        database.Writer.Do(new Append(request), cancel);

    public async ValueTask<AppendResult> Append(DbTransaction transaction, AppendRequest request, CancellationToken cancel)
    {
        await database.Open(cancel);
        return await new ApplicationTransaction(database, transaction).Append(request, cancel);
    }

    /// <summary>Other processes see it in the file.</summary>
    public void Committed()
    {
    }

    public ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel) => database.ReadSnapshot(query, LogPages.Read, cancel);

    public ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(StreamId stream, long afterVersion, int limit, CancellationToken cancel) =>
        database.Read((stream, afterVersion, limit), static (session, query) => (IReadOnlyList<RecordedEvent>)LogPages.ReadStream(
            session, new StoredStream(query.stream).Text, query.afterVersion, query.limit), cancel);

    public ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel) => database.Read(key, Receipts.Find, cancel);
}
