namespace Headwater;

/// <summary>Where subscriptions and read models stand, in whatever transaction the session is in.</summary>
internal static class Checkpoints
{
    public static ReadModelState State(Session session, string name)
    {
        using var state = session.Use(Sql.State);
        return state.Bind(1, name).Step()
            ? new ReadModelState(
                new Checkpoint(new Position(state.Number(0)), (int)state.Number(1), state.Number(3)), new Position(state.Number(2)))
            : default;
    }

    /// <summary>Records a fence, if it is higher than the one on record, and says where the owner goes on.</summary>
    public static Checkpoint Claim(Session session, string name, long fence)
    {
        using (var claim = session.Use(Sql.Claim))
            claim.Bind(1, name).Bind(2, fence).Run();
        return State(session, name).Checkpoint;
    }

    /// <summary>False if it stands elsewhere than expected; nothing is changed then.</summary>
    public static bool Move(Session session, string name, Checkpoint from, Position to, SkippedEvent? skipped)
    {
        if (!MoveKnown(session, name, from, to) && !(from == default && Insert(session, name, to)))
            return false;
        if (skipped is not null)
            Record(session, name, skipped);
        return true;
    }

    public static IReadOnlyList<SkippedEvent> ReadSkipped(Session session, string name, int limit)
    {
        var skipped = new List<SkippedEvent>();
        using var rows = session.Use(Sql.ReadSkipped);
        rows.Bind(1, name).Bind(2, limit);
        while (rows.Step())
            skipped.Add(new SkippedEvent(
                new Position(rows.Number(0)), StreamId.Parse(rows.Text(1)), rows.Text(2), rows.Text(3), Micros.ToInstant(rows.Number(4))));
        return skipped;
    }

    private static bool MoveKnown(Session session, string name, Checkpoint from, Position to)
    {
        using var move = session.Use(Sql.MoveCheckpoint);
        return move.Bind(1, name).Bind(2, from.Position.Value).Bind(3, from.Generation).Bind(4, to.Value).Bind(5, from.Fence).Run() == 1;
    }

    private static bool Insert(Session session, string name, Position at)
    {
        using var insert = session.Use(Sql.InsertCheckpoint);
        return insert.Bind(1, name).Bind(2, at.Value).Run() == 1;
    }

    private static void Record(Session session, string name, SkippedEvent skipped)
    {
        using var insert = session.Use(Sql.InsertSkipped);
        insert.Bind(1, name).Bind(2, skipped.Position.Value).Bind(3, skipped.Stream.ToString()).Bind(4, skipped.Type)
            .Bind(5, skipped.Error).Bind(6, Micros.Of(skipped.At)).Run();
    }
}
