using System.Data.Common;

namespace Headwater;

/// <summary>The port behind read models: keyed JSON rows that carry the position that last changed them, and checkpoints.</summary>
public interface IReadModelStore
{
    /// <summary>Makes room for a read model and brings its indexes in line with the schema. May be called again at every start.</summary>
    ValueTask Prepare(ReadModelSchema schema, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel);

    /// <summary>Where the read model stands.</summary>
    ValueTask<ReadModelState> State(string model, CancellationToken cancel);

    /// <summary>One row, in one snapshot with the read model's state. A deleted row is none.</summary>
    ValueTask<RowPage> ReadRow(string model, string key, CancellationToken cancel);

    /// <summary>Rows by their indexed fields, ordered by key, in one snapshot with the read model's state.</summary>
    /// <param name="model">The read model.</param>
    /// <param name="fields">Values the fields must have, all of them; none for every row.</param>
    /// <param name="afterKey">Rows with a greater key (in ordinal order) are read; null from the first on.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancel">Gives up.</param>
    ValueTask<RowPage> FindRows(
        string model, IReadOnlyList<FieldValue> fields, string? afterKey, int limit, CancellationToken cancel);

    /// <summary>
    /// Rows changed above a position, oldest change first, only the newest state of each, deletions included, also to those who
    /// stand at the start, for they may have taken rows since. Bounded by the checkpoint in the same snapshot. Rows changed by one
    /// event are never parted.
    /// </summary>
    /// <param name="model">The read model.</param>
    /// <param name="key">Only this row, or null for all.</param>
    /// <param name="after">Changes above it are read.</param>
    /// <param name="limit">How many rows, before the last event's are completed.</param>
    /// <param name="cancel">Gives up.</param>
    ValueTask<RowPage> ReadChanges(string model, string? key, Position after, int limit, CancellationToken cancel);

    /// <summary>As <see cref="ICheckpointStore.Claim"/>: records a higher fence, after which nobody commits who loaded before.</summary>
    ValueTask<Checkpoint> Claim(string model, long fence, CancellationToken cancel);

    /// <summary>Saves a projection's rows and its checkpoint in one transaction.</summary>
    /// <returns>False if the checkpoint stood elsewhere, because another process moved it; nothing was changed.</returns>
    ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel);

    /// <summary>Empties a read model, sets its checkpoint to the start and begins its next generation. The fence stays.</summary>
    ValueTask Reset(string model, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel);

    /// <summary>Records which log the rows are made from, unless that is on record.</summary>
    /// <returns>The epoch of the log that is on record now.</returns>
    ValueTask<string> Bind(string epoch, CancellationToken cancel);

    /// <summary>Forgets deleted rows whose deletion stands at or below a position; cursors below it can no longer be resumed.</summary>
    ValueTask TrimTombstones(string model, Position upTo, CancellationToken cancel);
}

/// <summary>The transaction of an append, in which read models can be written too.</summary>
public interface IReadModelTransaction : IAppendTransaction
{
    /// <summary>Where a read model stands.</summary>
    ValueTask<ReadModelState> State(string model, CancellationToken cancel);

    /// <summary>A row's JSON as the transaction sees it, or null.</summary>
    ValueTask<ReadOnlyMemory<byte>?> ReadRow(string model, string key, CancellationToken cancel);

    /// <summary>Writes rows and the checkpoint.</summary>
    ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel);
}

/// <summary>A read model's name and the fields its rows can be found by.</summary>
/// <param name="Model">Lower-case letters, digits and dashes, a letter first.</param>
/// <param name="IndexedFields">JSON names of top-level fields.</param>
public sealed record ReadModelSchema(string Model, IReadOnlyList<string> IndexedFields);

/// <summary>A value an indexed field must have, as text; numbers and truth values in their JSON form.</summary>
public readonly record struct FieldValue(string Field, string Value);

/// <summary>Where a read model stands.</summary>
/// <param name="Checkpoint">Everything at or below it is in the rows.</param>
/// <param name="TrimmedTo">Deletions at or below it are forgotten.</param>
public readonly record struct ReadModelState(Checkpoint Checkpoint, Position TrimmedTo);

/// <summary>A row as it is stored.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Position">The place of the event that last changed it.</param>
/// <param name="Data">The row as UTF-8 JSON, or null if it was deleted.</param>
public sealed record StoredRow(string Key, Position Position, ReadOnlyMemory<byte>? Data);

/// <summary>Rows, and the state of the read model in the same snapshot.</summary>
/// <param name="Rows">The rows.</param>
/// <param name="State">Where the read model stood.</param>
/// <param name="Next">For changes: where to read on.</param>
public sealed record RowPage(IReadOnlyList<StoredRow> Rows, ReadModelState State, Position Next);

/// <summary>A projection's work on some events.</summary>
/// <param name="Model">The read model.</param>
/// <param name="From">Where it must stand.</param>
/// <param name="To">Where it stands afterwards.</param>
/// <param name="Rows">The rows to write, at most one per key.</param>
public sealed record ProjectionCommit(string Model, Checkpoint From, Position To, IReadOnlyList<StoredRow> Rows)
{
    /// <summary>What the projection writes into tables of its own, in the same transaction.</summary>
    public Func<DbTransaction, CancellationToken, ValueTask>? Tables { get; init; }

    /// <summary>An event passed over, to be recorded in the same transaction.</summary>
    public SkippedEvent? Skipped { get; init; }
}
