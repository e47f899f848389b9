using System.Text.Json;

namespace Headwater.Simulation;

/// <summary>
/// A client of feeds. All it keeps is what it was sent and the text of its last cursor; it is cut off, goes to any node, and
/// sends that text back.
/// </summary>
internal sealed class Follower
{
    private static readonly (string Feed, string? Key)[][] choices =
    [
        [("items", null)],
        [("items", "i1")],
        [("items", null), ("notes", null)],
        [("colours", "red"), ("items", null)],
        [("board", null)],
        [("board", "i2")],
        [("totals", null)],
        [("current", null)],
        [("items", null), ("board", null)],
        [("notes", null), ("items", "i0"), ("board", "i0"), ("totals", null)],
        [("board", null), ("board", "i3"), ("notes", null)],
        [("current", null), ("totals", null)],
    ];

    private readonly string name;
    private readonly World world;
    private readonly (string Feed, string? Key)[] wanted;
    private readonly List<FollowedEvents> events = [];
    private readonly List<FollowedRows> rows = [];
    private string? cursor;
    private bool lacksSnapshot;
    private int connections;

    public Follower(string name, World world)
    {
        (this.name, this.world) = (name, world);
        wanted = choices[world.Random.Next(choices.Length)];
        foreach (var (feed, key) in wanted)
        {
            if (FollowedEvents.Of(feed, key, world) is { } followed)
                events.Add(followed);
            else if (rows.Find(each => each.Model == feed) is null)
                rows.Add(new FollowedRows(feed, key, world));
        }
    }

    public string Name => $"{name} ({string.Join(", ", wanted.Select(each => each.Key is null ? each.Feed : $"{each.Feed}/{each.Key}"))})";

    /// <summary>Whether it has been told of everything there is.</summary>
    public bool IsAtRest => Cursor.TryParse(cursor, out var at) && !lacksSnapshot && at.Position == world.Truth.Head
        && rows.TrueForAll(each => at.In(each.Model) is { } view && view.Position == world.Truth.Head
            && view.Generation == world.Invariants.StateOf(each.Model).Checkpoint.Generation);

    public string Where => $"{Name} stands at {cursor ?? "nothing"}{(lacksSnapshot ? ", without a snapshot" : "")}";

    public async Task Run()
    {
        while (true)
        {
            var node = world.AnyNode();
            try
            {
                connections++;
                await node.Call<bool>(world.Random.Next(40) == 0 ? Probe : Connect);
            }
            catch (Exception e) when (e is SimulatedFault or NodeLostException)
            {
                world.Trace.Line($"{name} lost {node.Name}: {e.Message}");
            }

            await world.Pause(TimeSpan.FromSeconds(1));
        }
    }

    private async Task<bool> Connect(Life life)
    {
        // Now and then it is another client with the same wishes.
        if (world.Random.Next(10) == 0 && !world.IsCalm)
            cursor = null;
        var session = cursor is null ? await Begin(life) : await Resume(life, cursor);
        if (lacksSnapshot && session.Reset is ResetReason.None)
            await TakeSnapshot(life);

        var items = new List<FeedItem>();
        while (!IsCut(30))
        {
            var more = session.More;
            var moved = await session.Read(items, CancellationToken.None);
            foreach (var item in items)
            {
                Take(item.Frame, item.Cursor);
                if (IsCut(40))
                    return false;
                if (world.Random.Next(8) == 0 && !world.IsCalm)
                    await Stall(life);
            }

            if (session.Reset is not ResetReason.None)
                await BeginAnew(session, life);
            else if (!moved)
            {
                session = await world.Bug.CaughtUp(session, () => Open(life));
                if (world.Random.Next(2) == 0 || world.IsCalm)
                    Told(session.Cursor);
                await Task.WhenAny(more, Task.Delay(world.Random.NextDouble() * TimeSpan.FromSeconds(3), life.Time));
            }
        }

        return true;
    }

    private ValueTask<FeedSession> Resume(Life life, string after)
    {
        world.Trace.Line($"{name} follows at {life.Name} after {after}");
        return Open(life, world.Bug.Resume(after));
    }

    /// <summary>Begins at the start, at now, or where snapshots of the read models were taken.</summary>
    private async ValueTask<FeedSession> Begin(Life life)
    {
        var way = world.Random.Next(rows.Count == 0 ? 2 : 3);
        if (way == 2)
            return await BeginAtSnapshots(life);
        var session = await (way == 0 ? Open(life, "start") : Open(life));
        world.Trace.Line($"{name} begins at {life.Name} at {session.Cursor}");
        if (session.Reset is not ResetReason.None)
            world.Fail("3 resume is exact", $"{Name} was reset when it began: {session.Reset}.");
        Begin(session.Cursor, lacksRows: way == 1);
        return session;
    }

    private async ValueTask<FeedSession> BeginAtSnapshots(Life life)
    {
        var snapshots = new List<(FollowedRows View, RowPage Page, Cursor Cursor)>();
        foreach (var view in rows)
        {
            var model = life.Node.ReadModels[view.Model];
            var page = await model.FindRows([], null, 1000, CancellationToken.None);
            snapshots.Add((view, page, model.CursorOf(page.State)));
            await world.SomeTurns();
        }

        if (!Cursor.TryMerge([.. snapshots.Select(each => each.Cursor)], out var merged))
            world.Fail("3 resume is exact", $"{Name} cannot begin at {string.Join(" and ", snapshots.Select(each => each.Cursor))}.");
        var session = await Open(life, [.. snapshots.Select(each => each.Cursor.ToString())]);
        world.Trace.Line($"{name} begins at {life.Name} after snapshots at {merged}");
        if (session.Reset is ResetReason.None && session.Cursor.Position != merged.Position)
            world.Fail("3 resume is exact", $"{Name} began at {session.Cursor} after snapshots at {merged}.");
        Begin(merged, lacksRows: false);
        foreach (var (view, page, _) in snapshots)
            view.TakeSnapshot(page.Rows);
        return session;
    }

    /// <summary>A cursor that cannot be resumed gets a reset that says why, and never silence.</summary>
    private async Task<bool> Probe(Life life)
    {
        var head = await life.Node.Log.Head();
        var (text, expected) = world.Random.Next(3) switch
        {
            0 => ("nonsense", ResetReason.Malformed),
            1 => ($"{(head.Epoch[0] == '0' ? "1" : "0")}{head.Epoch[1..]}.0", ResetReason.ForeignEpoch),
            _ => ($"{head.Epoch}.{head.Position.Value + 100_000}", ResetReason.BeyondHead),
        };
        var session = await Open(life, text);
        if (session.Reset != expected)
            world.Fail("3 resume is exact", $"The cursor '{text}' was answered with {session.Reset} instead of {expected}.");
        return true;
    }

    private async ValueTask<FeedSession> Open(Life life, params string[] after)
    {
        var requests = wanted.Select(each => new FeedRequest(life.Node.Feeds[each.Feed], each.Key)).ToList();
        return await FeedSession.Open(life.Node.Log, requests, after, world.Plan.PageSize, CancellationToken.None);
    }

    /// <summary>Does not read for a while. Nobody may notice.</summary>
    private async Task Stall(Life life)
    {
        if (world.Random.Next(10) == 0)
            await Task.Delay(world.Random.NextDouble() * TimeSpan.FromSeconds(20), life.Time);
        else
            await world.SomeTurns();
    }

    private bool IsCut(int oneIn) => !world.IsCalm && world.Random.Next(oneIn) == 0;

    private void Take(Frame frame, Cursor? reached)
    {
        world.Truth.CatchUp();
        world.Trace.Line($"{name} gets {frame.Name} {System.Text.Encoding.UTF8.GetString(frame.Json.Span)} {reached}");
        if (rows.Find(each => each.Model == frame.Name) is { } view)
            view.Take(JsonSerializer.Deserialize(frame.Json.Span, Json.Default.RowFrame)!, connections);
        else if (events.Find(each => each.Sends(frame.Name)) is { } feed)
            feed.Take(JsonSerializer.Deserialize(frame.Json.Span, Json.Default.Public)!, Position());
        else
            world.Fail("7 private by default", $"{Name} was sent '{frame.Name}'.");
        if (reached is { } at)
            Told(at);
    }

    /// <summary>The client is told how far it has come: what it has must be exactly that.</summary>
    private void Told(Cursor at)
    {
        world.Truth.CatchUp();
        var before = cursor;
        cursor = at.ToString();
        if (!Cursor.TryParse(cursor, out var parsed) || parsed != at)
            world.Fail("3 resume is exact", $"The cursor '{cursor}' does not survive being sent.");
        if (Cursor.TryParse(before, out var earlier) && at.Position < earlier.Position)
            world.Fail("3 resume is exact", $"{Name} went back from {before} to {cursor}.");
        foreach (var feed in events)
            feed.Told(at.Position, Name);
        foreach (var view in rows)
            view.Told(at, isWhole: !lacksSnapshot, Name);
    }

    private Position Position() => Cursor.TryParse(cursor, out var at) ? at.Position : Headwater.Position.Start;

    private void Begin(Cursor at, bool lacksRows)
    {
        world.Truth.CatchUp();
        cursor = at.ToString();
        lacksSnapshot = lacksRows && rows.Count > 0;
        foreach (var feed in events)
            feed.Begin(at.Position);
        foreach (var view in rows)
            view.Begin(at);
    }

    private async ValueTask BeginAnew(FeedSession session, Life life)
    {
        var reason = session.Reset;
        await session.BeginAnew(CancellationToken.None);
        world.Trace.Line($"{name} is reset at {life.Name}, {reason}: {cursor ?? "nothing"} to {session.Cursor}");
        if (!Cursor.TryParse(cursor, out var before) || !rows.Exists(view => view.MayBeReset(before, reason)))
            world.Fail("3 resume is exact", $"{Name} was reset at {cursor ?? "nothing"} without need: {reason}.");
        Begin(session.Cursor, lacksRows: true);
        await TakeSnapshot(life);
    }

    /// <summary>First the cursor, then the state.</summary>
    private async ValueTask TakeSnapshot(Life life)
    {
        foreach (var view in rows)
            view.TakeSnapshot(await view.ReadAll(life));
        lacksSnapshot = false;
    }
}
