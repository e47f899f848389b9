using System.Text.Json;

namespace Headwater.Simulation;

/// <summary>What must hold at every moment, held against the truth by looking into the database beside all nodes.</summary>
internal sealed class Invariants(World world)
{
    private readonly Dictionary<string, ReadModelState> states = [];
    private readonly IReadModelStore models = world.Database.Observer.ReadModels;
    private readonly ICheckpointStore checkpoints = world.Database.Observer.Checkpoints;
    private readonly Dictionary<string, ReadModelState> present = [];   // as of the database's version last seen
    private readonly Dictionary<string, Position> positions = [];
    private long seen;
    private bool isInlineBehind;

    public ReadModelState StateOf(string model)
    {
        Refresh();
        return present.TryGetValue(model, out var state) ? state : present[model] = Done(models.State(model, CancellationToken.None));
    }

    public static Row? Decode(StoredRow stored) => stored.Data is { } data ? JsonSerializer.Deserialize(data.Span, Json.Default.Row) : null;

    /// <summary>An inline model that is being rebuilt may stand behind the log until an append or the rebuild has it catch up.</summary>
    public void Rebuilding(bool isInline) => isInlineBehind = isInline;

    public void AfterWrite(string call)
    {
        world.Truth.CatchUp();
        foreach (var model in Model.All)
            if (call.EndsWith(model.Name, StringComparison.Ordinal) || world.Random.Next(8) == 0)
                CheckModel(model.Name);
        if (call == "append")
            CheckInline();
        if (call.StartsWith("save", StringComparison.Ordinal))
            CheckSubscription(call[(call.LastIndexOf(' ') + 1)..]);
    }

    public bool IsAtRest()
    {
        world.Truth.CatchUp();
        return Model.All.All(model => StateOf(model.Name).Checkpoint.Position == world.Truth.Head)
            && PositionOf("mailer") == world.Truth.Head && PositionOf("teller") == world.Truth.Head
            && world.Followers.All(follower => follower.IsAtRest);
    }

    /// <summary>Who has not come to rest.</summary>
    public string Restless() => string.Join("; ",
    [
        .. Model.All.Select(model => (model.Name, StateOf(model.Name).Checkpoint))
            .Where(each => each.Checkpoint.Position != world.Truth.Head).Select(each => $"{each.Name} stands at {each.Checkpoint}"),
        .. new[] { "mailer", "teller" }.Where(name => PositionOf(name) != world.Truth.Head).Select(name => $"{name} stands at {PositionOf(name)}"),
        .. world.Followers.Where(follower => !follower.IsAtRest).Select(follower => follower.Where),
        $"the log ends at {world.Truth.Head}",
    ]);

    public void AtTheEnd()
    {
        world.Truth.CheckNothingCameLate();
        foreach (var model in Model.All)
            CheckModel(model.Name);
        CheckInline();
        CheckSubscription("mailer");
        CheckSubscription("teller");
        world.Ledger.Check();
    }

    /// <summary>The rows are the fold of the log up to the checkpoint, and carry the position that last changed them.</summary>
    private void CheckModel(string model)
    {
        var page = Done(models.FindRows(model, [], null, 1000, CancellationToken.None));
        var checkpoint = page.State.Checkpoint;
        if (states.TryGetValue(model, out var before)
            && (checkpoint.Generation < before.Checkpoint.Generation
                || (checkpoint.Generation == before.Checkpoint.Generation && checkpoint.Position < before.Checkpoint.Position)))
            world.Fail("5 rows are the fold of the log", $"{model} went back from {before.Checkpoint} to {checkpoint}.");
        states[model] = page.State;

        var expected = world.Truth.RowsAt(model, checkpoint.Position).Where(row => row.Value.Row is not null)
            .Select(row => $"{row.Key} {row.Value.Row} changed at {row.Value.ChangedAt}").ToList();
        var actual = page.Rows.Select(row => $"{row.Key} {Decode(row)} changed at {row.Position}").ToList();
        if (!expected.SequenceEqual(actual))
            world.Fail("5 rows are the fold of the log",
                $"{model} at {checkpoint} has{List(actual.Except(expected))} and should have{List(expected.Except(actual))}");
    }

    private void CheckInline()
    {
        var state = StateOf("current");
        world.Truth.CatchUp();
        if (state.Checkpoint.Position != world.Truth.Head && !isInlineBehind)
            world.Fail("5 rows are the fold of the log", $"The inline model stands at {state.Checkpoint}, and the log ends at {world.Truth.Head}.");
    }

    /// <summary>Everything up to the checkpoint was done at least once, and what was skipped is on record, once.</summary>
    private void CheckSubscription(string name)
    {
        if (name is not ("mailer" or "teller"))
            return;
        var at = PositionOf(name);
        var skipped = Done(checkpoints.ReadSkipped(name, 1000, CancellationToken.None)).Select(each => each.Position).ToList();
        if (skipped.Distinct().Count() != skipped.Count)
            world.Fail("5 at least once", $"{name} has skipped {string.Join(", ", skipped)}.");
        foreach (var happened in world.Truth.Events.Take(world.Truth.CountUpTo(at)))
        {
            if (name == "mailer" && happened.Stream.Category != "item")
                continue;
            var isDone = name == "teller" && happened.Event is ItemEvent.Spoiled
                ? skipped.Contains(happened.Position)
                : world.Outside.Of(name, happened.Position) > 0;
            if (!isDone)
                world.Fail("5 at least once", $"{name} stands at {at} and has done nothing about {happened.Position}.");
        }
    }

    private Position PositionOf(string subscription)
    {
        Refresh();
        return positions.TryGetValue(subscription, out var position)
            ? position
            : positions[subscription] = Done(checkpoints.Load(subscription, CancellationToken.None)).Position;
    }

    private void Refresh()
    {
        var version = world.Database.Version;
        if (version == seen)
            return;
        seen = version;
        present.Clear();
        positions.Clear();
    }

    private static string List(IEnumerable<string> lines) => string.Concat(lines.Select(line => $"{Environment.NewLine}  {line}"));

    private static T Done<T>(ValueTask<T> task) => task.AsTask().GetAwaiter().GetResult();
}
