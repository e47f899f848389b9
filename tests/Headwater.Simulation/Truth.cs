using System.Collections.Immutable;

namespace Headwater.Simulation;

/// <summary>A row as it should be, and what changed it last. No row is a deleted one.</summary>
internal sealed record TrueRow(Row? Row, long ChangedAt);

/// <summary>
/// The log as the store itself tells it, read beside all nodes, and what follows from it: every state of every read model.
/// </summary>
internal sealed class Truth(World world, ILogStore log)
{
    private static readonly EventTypes types = Nodes.Declare(new HeadwaterOptions()).BuildEventTypes();
    private static readonly ImmutableSortedDictionary<string, TrueRow> noRows =
        ImmutableSortedDictionary.Create<string, TrueRow>(StringComparer.Ordinal);

    private readonly Dictionary<StreamId, long> versions = [];
    private readonly Dictionary<string, List<RecordedEvent>> byOperation = [];
    private readonly HashSet<Guid> ids = [];
    private long seen;
    private readonly Dictionary<string, List<ImmutableSortedDictionary<string, TrueRow>>> states =
        Model.All.ToDictionary(model => model.Name, _ => new List<ImmutableSortedDictionary<string, TrueRow>> { noRows });

    public List<RecordedEvent> Events { get; } = [];

    public Position Head => Events.Count == 0 ? Position.Start : Events[^1].Position;

    public long VersionOf(StreamId stream) => versions.GetValueOrDefault(stream);

    /// <summary>The events an operation led to.</summary>
    public IReadOnlyList<RecordedEvent> Of(string operation) => byOperation.GetValueOrDefault(operation, []);

    /// <summary>Reads what was committed since.</summary>
    public void CatchUp()
    {
        var version = world.Database.Version;
        if (version == seen)
            return;
        seen = version;
        while (true)
        {
            var page = log.Read(new(LogFilter.Everything, Head, Position.Max, 512), CancellationToken.None).AsTask().GetAwaiter().GetResult();
            foreach (var happened in page.Events)
                Add(happened);
            if (page.Events.Count < 512)
                return;
        }
    }

    /// <summary>Everything again from the beginning: nothing may have come in below what was read before.</summary>
    public void CheckNothingCameLate()
    {
        CatchUp();
        var before = Events.Select(happened => happened.Id).ToList();
        var now = new List<Guid>();
        for (var at = Position.Start; ;)
        {
            var page = log.Read(new(LogFilter.Everything, at, Position.Max, 7), CancellationToken.None).AsTask().GetAwaiter().GetResult();
            now.AddRange(page.Events.Select(happened => happened.Id));
            if (page.Next == at)
                break;
            at = page.Next;
        }

        if (!now.SequenceEqual(before))
            world.Fail("1 nothing is skipped", $"The log read at the end has {now.Count} events, and as it came {before.Count}.");
    }

    /// <summary>The rows of a model as they were right after a position.</summary>
    public ImmutableSortedDictionary<string, TrueRow> RowsAt(string model, Position position) => states[model][CountUpTo(position)];

    /// <summary>How many events stand at or below a position.</summary>
    public int CountUpTo(Position position)
    {
        var (low, high) = (0, Events.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Events[middle].Position <= position)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    private void Add(RecordedEvent happened)
    {
        if (happened.Position <= Head)
            world.Fail("1 nothing is skipped", $"Position {happened.Position} came after {Head}.");
        if (happened.Version != versions.GetValueOrDefault(happened.Stream) + 1)
            world.Fail("versions without holes",
                $"{happened.Stream} went from version {versions.GetValueOrDefault(happened.Stream)} to {happened.Version}.");
        if (!ids.Add(happened.Id))
            world.Fail("ids once", $"The event id {happened.Id} came twice.");

        happened.Types = types;
        versions[happened.Stream] = happened.Version;
        Events.Add(happened);
        var operation = OperationOf(happened);
        if (!byOperation.TryGetValue(operation, out var same))
            byOperation[operation] = same = [];
        same.Add(happened);
        foreach (var model in Model.All)
            states[model.Name].Add(Fold(model, states[model.Name][^1], happened));
        world.Trace.Line($"  log {happened.Position}: {happened.Stream} v{happened.Version} {happened.Type} {operation}");
    }

    public static string OperationOf(RecordedEvent happened) =>
        happened.Event is ItemEvent item ? item.Operation : ((NoteEvent)happened.Event).Operation;

    private static ImmutableSortedDictionary<string, TrueRow> Fold(
        Model model, ImmutableSortedDictionary<string, TrueRow> rows, RecordedEvent happened)
    {
        if (!model.Filter.Matches(happened) || model.ThrowsAt(happened.Event))
            return rows;
        foreach (var (key, change) in model.Changes(happened))
        {
            var before = rows.GetValueOrDefault(key)?.Row;
            var after = change(before);
            if (before is not null || after is not null)
                rows = rows.SetItem(key, new TrueRow(after, happened.Position.Value));
        }

        return rows;
    }
}
