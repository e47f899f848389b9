namespace Headwater.Simulation;

/// <summary>A read model as a client has put it together from a view feed.</summary>
internal sealed class FollowedRows(string model, string? key, World world)
{
    private readonly Dictionary<string, (Row Row, int Connection)> rows = [];
    private ViewPosition told;

    public string Model => model;

    public void Begin(Cursor at)
    {
        rows.Clear();
        told = at.In(model)!.Value;
    }

    public void Take(RowFrame sent, int connection)
    {
        if (key is not null && sent.Key != key)
            world.Fail("3 resume is exact", $"{model}/{key} sent the row of {sent.Key}.");
        var isKnown = rows.TryGetValue(sent.Key, out var known);
        if (sent.Row is not { } row)
        {
            rows.Remove(sent.Key);
            return;
        }

        if (row.Last <= told.Position.Value)
            world.Fail("3 resume is exact", $"{model} sent {sent.Key} of {row.Last} to a client that stands at {told.Position}.");
        if (isKnown && known.Connection == connection && known.Row.Last > row.Last)
            world.Fail("3 resume is exact", $"{model} sent {sent.Key} of {row.Last} after that of {known.Row.Last}.");
        if (world.Truth.RowsAt(model, new Position(row.Last)).GetValueOrDefault(sent.Key)?.Row != row)
            world.Fail("5 rows are the fold of the log", $"{model} sent {sent}, which that row never was.");
        rows[sent.Key] = (row, connection);
    }

    /// <summary>Every row that was last changed at or below the cursor is here as it is, and no other is.</summary>
    public void Told(Cursor at, bool isWhole, string who)
    {
        if (at.In(model) is not { } now)
        {
            world.Fail("3 resume is exact", $"{who} follows {model}, and its cursor {at} says nothing about it.");
            return;
        }

        if (now.Generation == told.Generation && now.Position < told.Position)
            world.Fail("3 resume is exact", $"{who} went back from {told} to {now}.");
        told = now;
        var state = world.Invariants.StateOf(model);
        if (state.Checkpoint.Generation != now.Generation || !isWhole)
            return;
        if (now.Position > state.Checkpoint.Position)
            world.Fail("3 resume is exact", $"{who} was told {now}, and {model} stands at {state.Checkpoint.Position}.");
        foreach (var (rowKey, (row, changedAt)) in world.Truth.RowsAt(model, world.Truth.Head))
        {
            if (changedAt > now.Position.Value || (key is not null && key != rowKey))
                continue;
            var mine = rows.TryGetValue(rowKey, out var known) ? known.Row : null;
            if (mine != row)
                world.Fail("3 resume is exact",
                    $"{who} was told {now} and has {rowKey} as {mine?.ToString() ?? "deleted"}; since {changedAt} it is {row?.ToString() ?? "deleted"}.");
        }
    }

    /// <summary>Whether a client with that cursor has to begin anew.</summary>
    public bool MayBeReset(Cursor at, ResetReason reason)
    {
        // A rebuild that came since makes the reset needed too, whatever the session still took for its reason.
        var state = world.Invariants.StateOf(model);
        return reason is ResetReason.Rebuilt or ResetReason.Trimmed && at.In(model) is { } mine
            && (mine.Generation != state.Checkpoint.Generation || (reason is ResetReason.Trimmed && mine.Position < state.TrimmedTo));
    }

    public async ValueTask<List<StoredRow>> ReadAll(Life life)
    {
        var all = new List<StoredRow>();
        while (true)
        {
            var page = await life.Node.ReadModels[model].FindRows([], all.Count == 0 ? null : all[^1].Key, 3, CancellationToken.None);
            all.AddRange(page.Rows);
            if (page.Rows.Count < 3)
                return all;
        }
    }

    /// <summary>The snapshot is younger than the cursor, so what comes next may repeat a part of it, and even go back in it.</summary>
    public void TakeSnapshot(IReadOnlyList<StoredRow> snapshot)
    {
        rows.Clear();
        foreach (var stored in snapshot)
            if (key is null || stored.Key == key)
                rows[stored.Key] = (Invariants.Decode(stored)!, 0);
    }
}
