using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>A row's change, shared by all connections.</summary>
internal sealed class ViewChange(StoredRow row) : IPositioned
{
    private volatile bool superseded;
    private Frame? frame;

    public string Key => row.Key;

    public Position Position => row.Position;

    public int Size => 3 * (row.Data?.Length ?? 0) + 2 * row.Key.Length + 400;

    /// <summary>Whether a newer change of the same row stands behind it, so that nobody needs this one any more.</summary>
    public bool Superseded
    {
        get => superseded;
        set => superseded = value;
    }

    public Frame FrameFor(Contract contract)
    {
        var made = frame ??= new Frame(contract.WireName, RowJson.Encode(row));
        return made.Name == contract.WireName ? made : new Frame(contract.WireName, made.Json);
    }
}

/// <summary>
/// The one reader of a read model's newest changes in this process. Like the log's tail it reads each change once, and it
/// conflates: of a row that changed often only the newest state is handed out.
/// </summary>
/// <param name="projection">The projection behind the read model.</param>
/// <param name="log">What moves the projection.</param>
/// <param name="hints">Beats when another node may have run the projection; null if this one always does.</param>
/// <param name="options">How much to keep and to read.</param>
/// <param name="surroundings">Time and scheduling.</param>
/// <param name="logger">Told when the store fails.</param>
internal sealed partial class ViewTail(
    Projection projection, LogTail log, Pulse? hints, HeadwaterOptions options, Surroundings surroundings,
    ILogger<ViewTail> logger)
{
    private const int RingCapacity = 1 << 14;

    private readonly IReadModelStore store = projection.Database.Rows;
    private readonly Ring<ViewChange> ring = new(Math.Min(options.TailEvents, RingCapacity), options.TailBytes / 4);
    private readonly Dictionary<string, ViewChange> newest = [];
    private readonly Trouble trouble = new(surroundings);
    private readonly Pulse advanced = new(surroundings.Waking);
    private readonly TaskCompletionSource ready = new(surroundings.Waking);
    private volatile StrongBox<ViewPosition> at = new(new ViewPosition(projection.Name, 0, Position.Start));

    public string Name => projection.Name;

    /// <summary>Everything at or below it has been read.</summary>
    public ViewPosition At
    {
        get => at.Value;
        private set => at = new StrongBox<ViewPosition>(value);
    }

    public Task Ready => ready.Task;

    /// <summary>Completes when the tail goes beyond where it is now. Take it before looking.</summary>
    public Task Advanced => advanced.Next;

    public ValueTask<ReadModelState> State(CancellationToken cancel) => store.State(Name, cancel);

    /// <summary>Changes above a position, at most the newest of each row, from memory or, further back, from the store.</summary>
    public async ValueTask<ViewPage> Read(string? key, ViewPosition from, int limit, CancellationToken cancel)
    {
        var tail = At;
        var after = from.Position;

        // The reader may know a rebuild that this tail has yet to notice: then there is nothing for it here until it has.
        if (tail.Generation < from.Generation)
            return new ViewPage([], from, Position.Start);
        if (after >= tail.Position)
            return new ViewPage([], tail with { Position = after }, Position.Start);

        var changes = new List<ViewChange>();
        if (ring.TryCopy(after, limit, changes))
        {
            // The ring may hold a part of the rows of an event that is being read just now: those beyond the tail must wait.
            var beyond = changes.RemoveAll(change => change.Position > tail.Position);
            var next = changes.Count + beyond < limit || beyond > 0 ? tail.Position : changes[^1].Position;
            changes.RemoveAll(change => change.Superseded || (key is not null && change.Key != key));
            return new ViewPage(changes, tail with { Position = next }, Position.Start);
        }

        // The store may be ahead of the tail. Nobody is told so: one who follows the whole and a part of it would see rows go back.
        var page = await store.ReadChanges(Name, key, after, limit, cancel);
        return new ViewPage(
            [.. page.Rows.Where(row => row.Position <= tail.Position).Select(row => new ViewChange(row))],
            new ViewPosition(Name, page.State.Checkpoint.Generation, Position.Min(page.Next, tail.Position)),
            page.State.TrimmedTo);
    }

    public async Task Run(CancellationToken cancel)
    {
        var poll = Task.CompletedTask;
        while (!cancel.IsCancellationRequested)
        {
            var changed = projection.Changed.Next;
            var logAdvanced = log.Advanced;
            var hinted = hints?.Next;
            try
            {
                var more = await Advance(cancel);
                if (trouble.IsOver(out var failures))
                    LogRecovered(logger, Name, failures);
                if (more)
                    continue;
                if (poll.IsCompleted)
                    poll = surroundings.Delay(options.PollInterval, cancel);
                await (hinted is null ? Task.WhenAny(changed, logAdvanced, poll) : Task.WhenAny(changed, logAdvanced, hinted, poll));
            }
            catch (Exception) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (trouble.Occurs())
                    LogFailed(logger, e, Name);
                await surroundings.Delay(trouble.Backoff, cancel).Quietly();
            }
        }
    }

    private async ValueTask<bool> Advance(CancellationToken cancel)
    {
        if (!ready.Task.IsCompleted)
        {
            var state = await store.State(Name, cancel);
            Restart(state);
            ready.TrySetResult();
        }

        var page = await store.ReadChanges(Name, null, At.Position, options.PageSize, cancel);
        if (page.State.Checkpoint.Generation != At.Generation)
        {
            // The read model is being built again: what clients have seen may differ from it everywhere.
            Restart(page.State);
            advanced.Beat();
            return true;
        }

        if (page.Next <= At.Position)
            return false;

        // Deletions trimmed before this tail came to them are in no page any more. Who stands below them must ask the store, and is told.
        if (page.State.TrimmedTo > At.Position)
            Forget(page.Next);
        else
            foreach (var row in page.Rows)
                Add(new ViewChange(row));
        At = At with { Position = page.Next };
        advanced.Beat();
        return page.Rows.Count >= options.PageSize;
    }

    private void Restart(ReadModelState state)
    {
        Forget(state.Checkpoint.Position);
        At = new ViewPosition(Name, state.Checkpoint.Generation, state.Checkpoint.Position);
    }

    private void Forget(Position upTo)
    {
        newest.Clear();
        ring.Restart(upTo);
    }

    private void Add(ViewChange change)
    {
        ring.Add(change);
        if (newest.TryGetValue(change.Key, out var older))
            older.Superseded = true;
        newest[change.Key] = change;
        if (newest.Count > 4 * RingCapacity)
            ForgetEvicted();
    }

    /// <summary>Keys whose newest change has left the ring need no superseding any more.</summary>
    private void ForgetEvicted()
    {
        foreach (var (key, change) in newest)
            if (change.Position <= ring.Floor)
                newest.Remove(key);
    }

    [LoggerMessage(30, LogLevel.Warning, "The read model '{Name}' cannot be read; its followers wait while this is tried again.")]
    private static partial void LogFailed(ILogger logger, Exception e, string name);

    [LoggerMessage(31, LogLevel.Information, "The read model '{Name}' can be read again, after {Failures} failed attempts.")]
    private static partial void LogRecovered(ILogger logger, string name, int failures);
}

/// <summary>Changes of rows, and where the reader stands after them.</summary>
/// <param name="Changes">The newest state of each row that changed.</param>
/// <param name="Next">Where to read on.</param>
/// <param name="TrimmedTo">Deletions at or below it may be missing.</param>
internal sealed record ViewPage(IReadOnlyList<ViewChange> Changes, ViewPosition Next, Position TrimmedTo);
