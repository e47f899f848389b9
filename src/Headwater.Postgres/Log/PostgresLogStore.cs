using System.Data.Common;

namespace Headwater;

/// <summary>The log in a PostgreSQL database.</summary>
internal sealed class PostgresLogStore(PostgresDatabase database, bool groupCommit) : ITransactionalLogStore
{
    private readonly GroupCommit? groups = groupCommit ? new GroupCommit(database) : null;

    public bool CommitsInOrder => false;

    public async ValueTask<LogHead> Head(CancellationToken cancel)
    {
        var (readable, issued) = await database.Watermark.Look(cancel);
        return new LogHead(database.Epoch, new Position(readable)) { Issued = new Position(issued) };
    }

    public async ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel)
    {
        var append = new Append(request, database.Time.GetUtcNow());
        var result = groups is not null && append.CanShare
            ? await groups.Append(append, cancel)
            : await append.Alone(database, cancel);
        if (result is AppendResult.Appended { AlreadyKnown: false })
            database.Bell.Ring();
        database.Housekeeping.Consider();
        return result;
    }

    public async ValueTask<AppendResult> Append(DbTransaction transaction, AppendRequest request, CancellationToken cancel)
    {
        var own = new ApplicationTransaction(database, transaction);
        await database.Use(own, static (_, _, _) => ValueTask.FromResult(true), cancel);
        return await own.Append(new Append(request, database.Time.GetUtcNow()), cancel);
    }

    public void Committed() => database.Bell.Ring();

    public async ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel)
    {
        // Most ask for what the log's tail has seen, and that is known.
        var end = query.UpTo.Value <= database.Watermark.Known
            ? query.UpTo.Value
            : Math.Min(query.UpTo.Value, (await database.Watermark.Look(cancel)).Readable);
        if (end <= query.After.Value || query.Limit <= 0)
            return new LogPage([], query.After);
        var events = await database.Query(
            LogPages.Text(database.Sql, query.Filter), parameters => LogPages.Bind(parameters, query, end), EventRows.Read, cancel);
        return LogPages.Page(events, query, end);
    }

    public async ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(StreamId stream, long afterVersion, int limit, CancellationToken cancel) =>
        await database.Query(database.Sql.ReadStream,
            parameters => parameters.With(stream.ToString()).With(afterVersion).With((long)limit), EventRows.Read, cancel);

    public async ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel)
    {
        // Text cannot hold it here, so nothing stands under it.
        if (key.Contains('\0', StringComparison.Ordinal))
            return null;
        return (await database.Query(database.Sql.FindReceipt, parameters => parameters.With(key), Receipts.Read, cancel)).FirstOrDefault();
    }

    /// <summary>Ends what is waiting to be appended.</summary>
    public ValueTask Stop() => groups?.Stop() ?? ValueTask.CompletedTask;
}
