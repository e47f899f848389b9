using System.Data.Common;

namespace Headwater.Tests;

/// <summary>A read model store whose changes cannot be read while it is closed, and are looked at; all else goes on.</summary>
internal sealed class ReadChangesGate(IReadModelStore store) : IReadModelStore
{
    private int changesRead;

    public bool IsClosed { get; set; }

    /// <summary>What becomes of a page of changes.</summary>
    public Func<string, RowPage, RowPage> AfterChanges { get; set; } = (_, page) => page;

    /// <summary>Called after a state was read, before it is told.</summary>
    public Func<ValueTask> AfterState { get; set; } = () => ValueTask.CompletedTask;

    public int ChangesRead => Volatile.Read(ref changesRead);

    public ValueTask Prepare(ReadModelSchema schema, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel) =>
        store.Prepare(schema, tables, cancel);

    public async ValueTask<ReadModelState> State(string model, CancellationToken cancel)
    {
        var state = await store.State(model, cancel);
        await AfterState();
        return state;
    }

    public ValueTask<RowPage> ReadRow(string model, string key, CancellationToken cancel) => store.ReadRow(model, key, cancel);

    public ValueTask<RowPage> FindRows(
        string model, IReadOnlyList<FieldValue> fields, string? afterKey, int limit, CancellationToken cancel) =>
        store.FindRows(model, fields, afterKey, limit, cancel);

    public async ValueTask<RowPage> ReadChanges(string model, string? key, Position after, int limit, CancellationToken cancel)
    {
        Interlocked.Increment(ref changesRead);
        return IsClosed && key is null
            ? throw new TimeoutException("planted")
            : AfterChanges(model, await store.ReadChanges(model, key, after, limit, cancel));
    }

    public ValueTask<Checkpoint> Claim(string model, long fence, CancellationToken cancel) => store.Claim(model, fence, cancel);

    public ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel) => store.Commit(commit, cancel);

    public ValueTask Reset(string model, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel) =>
        store.Reset(model, tables, cancel);

    public ValueTask<string> Bind(string epoch, CancellationToken cancel) => store.Bind(epoch, cancel);

    public ValueTask TrimTombstones(string model, Position upTo, CancellationToken cancel) => store.TrimTombstones(model, upTo, cancel);
}
