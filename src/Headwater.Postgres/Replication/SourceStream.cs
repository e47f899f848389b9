using System.Text;
using System.Text.Json;
using Npgsql.Replication;
using Npgsql.Replication.PgOutput;
using Npgsql.Replication.PgOutput.Messages;
using NpgsqlTypes;

namespace Headwater;

/// <summary>
/// Reads what the slot sends, transaction after transaction in the order of their commits, and commits it to the log in batches: what
/// has come when there is a pause, or when there is much. Only what the log has on disk is confirmed to the server.
/// </summary>
internal sealed class SourceStream
{
    private const int MaxEvents = 512;
    private const long MaxBytes = 8 << 20;

    // How often what needs no event is saved and confirmed, so that the server can let go of its write-ahead log, and can shut down.
    private static readonly TimeSpan tick = TimeSpan.FromSeconds(2);

    private readonly PostgresSourceOptions options;
    private readonly SourceSlot.Held held;
    private readonly TimeProvider time;
    private readonly EventMapping mapping;
    private readonly SourceAppend append;
    private readonly Func<Change, string, string, Change> passOver;
    private readonly Action<NpgsqlLogSequenceNumber> reached;

    // What is whole and waits for its commit, and what is of a transaction that goes on.
    private readonly List<Change> complete = [];
    private readonly List<Change> open = [];
    private SourceCheckpoint at;
    private SourceCheckpoint completeTo;
    private NpgsqlLogSequenceNumber? transaction;
    private int number;
    private long size;
    private long saved;

    /// <param name="options">What is taken over.</param>
    /// <param name="held">The slot.</param>
    /// <param name="time">For pauses.</param>
    /// <param name="mapping">Makes events.</param>
    /// <param name="append">Commits them.</param>
    /// <param name="passOver">What to do about a change that is no event: says that it is passed over, or throws.</param>
    /// <param name="reached">Is told that it reads, and what is in the log.</param>
    public SourceStream(
        PostgresSourceOptions options, SourceSlot.Held held, TimeProvider time, EventMapping mapping, SourceAppend append,
        Func<Change, string, string, Change> passOver, Action<NpgsqlLogSequenceNumber> reached)
    {
        (this.options, this.held, this.time, this.mapping, this.append) = (options, held, time, mapping, append);
        (this.passOver, this.reached) = (passOver, reached);
        at = completeTo = held.At;
    }

    public async Task Run(CancellationToken cancel)
    {
        var connection = held.Connection;
        connection.SetReplicationStatus(at.Lsn);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await using var messages = connection.StartReplication(
            new PgOutputReplicationSlot(options.Slot!),
            new PgOutputReplicationOptions(options.Publication!, PgOutputProtocolVersion.V1, messages: options.MessagePrefix is null ? null : true),
            ending.Token, at.Lsn).GetAsyncEnumerator(ending.Token);
        var next = messages.MoveNextAsync().AsTask();
        try
        {
            while (true)
            {
                if (next.IsCompleted)
                {
                    if (!await next)
                        throw new IOException("The server has ended the replication.");
                    await Take(messages.Current, cancel);
                    next = messages.MoveNextAsync().AsTask();
                    if (complete.Count + open.Count >= MaxEvents || size >= MaxBytes)
                        await CommitMuch(cancel);
                }
                else if (complete.Count > 0)
                {
                    await Commit(cancel);
                }
                else
                {
                    await Task.WhenAny(next, Task.Delay(tick, time, ending.Token));
                    if (!next.IsCompleted)
                        await Rest(cancel);
                }
            }
        }
        finally
        {
            // The connection must not be closed under whoever reads from it.
            await ending.CancelAsync();
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task Take(PgOutputReplicationMessage message, CancellationToken cancel)
    {
        switch (message)
        {
            case BeginMessage begin:
                (transaction, number) = (begin.TransactionFinalLsn, 0);
                break;
            case CommitMessage commit:
                complete.AddRange(open);
                open.Clear();
                (transaction, completeTo) = (null, new(commit.TransactionEndLsn, 0));
                if (complete.Count == 0)
                    await Rest(cancel);
                break;
            case RelationMessage relation when IsTable(relation):
                CheckColumns(relation);
                break;
            case InsertMessage insert when IsTable(insert.Relation):
                var row = await Read(insert, cancel);
                await Add(new(transaction!.Value, number++), (change, id) => mapping.Row(change, row, id), () => Json(row), cancel);
                break;
            case LogicalDecodingMessage logical when logical.Prefix == options.MessagePrefix:
                await TakeMessage(logical, cancel);
                break;
        }
    }

    private async Task TakeMessage(LogicalDecodingMessage message, CancellationToken cancel)
    {
        using var copy = new MemoryStream();
        await message.Data.CopyToAsync(copy, cancel);
        var content = copy.ToArray();
        if ((message.Flags & 1) == 1)
        {
            await Add(new(transaction!.Value, number++), (change, id) => mapping.Message(change, content, id), () => Encoding.UTF8.GetString(content), cancel);
            return;
        }

        await Add(
            new(message.MessageLsn, 0),
            static (_, _) => throw new UnmappableException("the message was emitted outside its transaction, so it says nothing about whether that was committed; call pg_logical_emit_message with transactional = true."),
            () => Encoding.UTF8.GetString(content), cancel);
        complete.AddRange(open);
        open.Clear();
        completeTo = new(message.MessageLsn, 1);
    }

    private async Task Add(Change change, Func<Change, Guid, Change> map, Func<string> content, CancellationToken cancel)
    {
        // After a reconnect some may come again.
        if (at.Includes(change.Commit, change.Number))
            return;
        Change mapped;
        try
        {
            mapped = map(change, DerivedId.Of(held.System, options.Slot!, change.Commit, change.Number));
        }
        catch (UnmappableException e)
        {
            if (!options.SkipUnmappable)
                await CommitPart(new(change.Commit, change.Number), cancel);
            mapped = passOver(change, e.Message, content());
        }

        open.Add(mapped);
        size += mapped.Size;
    }

    /// <summary>Commits what is whole; or, of a transaction that is too large for that, what has come of it: it is committed at its source.</summary>
    private Task CommitMuch(CancellationToken cancel) =>
        complete.Count > 0 ? Commit(cancel) : CommitPart(new(transaction!.Value, number), cancel);

    private Task CommitPart(SourceCheckpoint upTo, CancellationToken cancel)
    {
        complete.AddRange(open);
        open.Clear();
        if (complete.Count == 0)
            return Task.CompletedTask;
        completeTo = upTo;
        return Commit(cancel);
    }

    private async Task Commit(CancellationToken cancel)
    {
        await append.Commit(at, completeTo, complete, cancel);
        complete.Clear();
        size = open.Sum(change => (long)change.Size);
        Saved(completeTo);
    }

    /// <summary>Saves how far the server has come without anything for us. What is read here is never beyond a transaction that is still to come.</summary>
    private async Task Rest(CancellationToken cancel)
    {
        reached(at.Lsn);
        if (transaction is not null || complete.Count > 0 || time.GetElapsedTime(saved) < tick)
            return;
        var lsn = held.Connection.LastReceivedLsn;
        if (lsn < completeTo.Lsn)
            lsn = completeTo.Lsn;
        if (lsn <= at.Lsn)
            return;
        await append.Commit(at, new(lsn, 0), [], cancel);
        Saved(new(lsn, 0));
        await held.Connection.SendStatusUpdate(cancel);
    }

    private void Saved(SourceCheckpoint checkpoint)
    {
        (at, completeTo, saved) = (checkpoint, checkpoint, time.GetTimestamp());
        held.Connection.SetReplicationStatus(at.Lsn);
        reached(at.Lsn);
    }

    private bool IsTable(RelationMessage relation) =>
        options.Table is not null && options.TableParts == (relation.Namespace, relation.RelationName);

    private void CheckColumns(RelationMessage relation)
    {
        var columns = relation.Columns.Select(column => column.ColumnName).ToHashSet();
        foreach (var (setting, column) in options.Columns().Where(each => !columns.Contains(each.Column)))
            throw new SourceStoppedException(
                $"The table '{options.Table}' sends no column '{column}' (PostgresSourceOptions.{setting}); it sends {string.Join(", ", columns)}. Correct the setting, or the publication's list of columns.");
    }

    private static async Task<Dictionary<string, string?>> Read(InsertMessage insert, CancellationToken cancel)
    {
        var row = new Dictionary<string, string?>();
        var column = 0;
        await foreach (var value in insert.NewRow.WithCancellation(cancel))
            row[insert.Relation.Columns[column++].ColumnName] = value.IsDBNull ? null : await value.Get<string>(cancel);
        return row;
    }

    private static string Json(Dictionary<string, string?> row)
    {
        using var written = new MemoryStream();
        using (var json = new Utf8JsonWriter(written))
        {
            json.WriteStartObject();
            foreach (var (column, value) in row)
                json.WriteString(column, value);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(written.ToArray());
    }
}
