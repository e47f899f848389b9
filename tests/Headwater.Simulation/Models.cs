namespace Headwater.Simulation;

/// <summary>
/// What a projection does, as a pure function of an event: how it changes which rows. The nodes run it through Headwater, and
/// the truth folds the log with it alone.
/// </summary>
internal abstract class Model(string name, LogFilter filter)
{
    public string Name => name;

    public LogFilter Filter => filter;

    /// <summary>Whether it throws at the event, and then skips it.</summary>
    public virtual bool ThrowsAt(object happened) => false;

    public abstract IEnumerable<(string Key, Func<Row?, Row?> Change)> Changes(RecordedEvent happened);

    public static IReadOnlyList<Model> All { get; } = [new Board(), new Totals("totals"), new Fragile(), new Current()];

    protected static Row Plus(Row? row, long value, RecordedEvent happened) =>
        new((row?.Count ?? 0) + 1, (row?.Sum ?? 0) + value, happened.Position.Value);
}

/// <summary>One row per item, gone when the item is removed.</summary>
internal class Board(string name = "board") : Model(name, new LogFilter.Category("item"))
{
    public override IEnumerable<(string Key, Func<Row?, Row?> Change)> Changes(RecordedEvent happened)
    {
        if (happened.Event is ItemEvent.Put put)
            yield return (happened.Stream.Key, row => Plus(row, put.Value, happened));
        else if (happened.Event is ItemEvent.Removed)
            yield return (happened.Stream.Key, _ => null);
    }
}

/// <summary>Counts everything twice, so that each event changes two rows: they share a position and must never be parted.</summary>
internal class Totals(string name) : Model(name, LogFilter.Everything)
{
    public override IEnumerable<(string Key, Func<Row?, Row?> Change)> Changes(RecordedEvent happened)
    {
        yield return ("all", row => Plus(row, happened.Position.Value, happened));
        yield return (happened.Stream.Category, row => Plus(row, happened.Version, happened));
    }
}

/// <summary>Throws at what is spoiled, and skips it.</summary>
internal sealed class Fragile() : Totals("fragile")
{
    public override bool ThrowsAt(object happened) => happened is ItemEvent.Spoiled;
}

/// <summary>The board and a count of all, in the transaction of the append.</summary>
internal sealed class Current() : Board("current")
{
    public override IEnumerable<(string Key, Func<Row?, Row?> Change)> Changes(RecordedEvent happened) =>
        base.Changes(happened).Append(("all", row => Plus(row, happened.Version, happened)));
}

/// <summary>A model as a projection.</summary>
internal abstract class ModelProjection(string name) : IProjection<Row>
{
    private readonly Model model = Model.All.Single(each => each.Name == name);

    public async ValueTask Apply(RecordedEvent happened, Rows<Row> rows, CancellationToken cancel)
    {
        if (model.ThrowsAt(happened.Event))
            throw new InvalidDataException("It is spoiled.");
        foreach (var (key, change) in model.Changes(happened))
        {
            if (change(await rows.Get(key, cancel)) is { } row)
                rows.Set(key, row);
            else
                await rows.Delete(key, cancel);
        }
    }
}

internal sealed class BoardProjection() : ModelProjection("board");

internal sealed class TotalsProjection() : ModelProjection("totals");

internal sealed class FragileProjection() : ModelProjection("fragile");

internal sealed class CurrentProjection() : ModelProjection("current");
