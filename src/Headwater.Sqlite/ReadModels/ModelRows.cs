namespace Headwater;

/// <summary>The rows of read models, read and written in whatever transaction the session is in.</summary>
internal static class ModelRows
{
    public static ReadOnlyMemory<byte>? Read(Session session, string model, string key)
    {
        using var row = session.Use(Sql.ReadRow);
        return row.Bind(1, model).Bind(2, key).Step() ? row.Bytes(2).ToArray() : default(ReadOnlyMemory<byte>?);
    }

    public static RowPage ReadRow(Session session, string model, string key)
    {
        using var rows = session.Use(Sql.ReadRow);
        return Page(session, model, ReadAll(rows.Bind(1, model).Bind(2, key)));
    }

    public static RowPage Find(Session session, string model, IReadOnlyList<FieldValue> fields, string? afterKey, int limit)
    {
        using var rows = session.Use(FieldIndexes.Query(model, fields));
        rows.Bind(1, afterKey ?? "").Bind(2, limit);
        for (var i = 0; i < fields.Count; i++)
            rows.Bind(3 + i, fields[i].Value);
        return Page(session, model, ReadAll(rows));
    }

    /// <summary>See <see cref="IReadModelStore.ReadChanges"/>.</summary>
    public static RowPage ReadChanges(Session session, string model, string? key, Position after, int limit)
    {
        var state = Checkpoints.State(session, model);
        var end = state.Checkpoint.Position;
        if (end <= after)
            return new RowPage([], state, after);
        if (key is not null)
            return new RowPage(ReadChangesOf(session, model, key, after, end), state, end);

        var rows = ReadChanges(session, model, after, end, limit);
        if (rows.Count < limit)
            return new RowPage(rows, state, end);
        var last = rows[^1];
        rows.AddRange(ReadRestOfEvent(session, model, last));
        return new RowPage(rows, state, last.Position);
    }

    /// <summary>Writes a projection's rows and moves its checkpoint; false, and nothing is changed, if that stands elsewhere.</summary>
    public static async ValueTask<bool> Commit(WriteTransaction transaction, ProjectionCommit commit)
    {
        var session = transaction.Session;
        if (!Checkpoints.Move(session, commit.Model, commit.From, commit.To, commit.Skipped))
            return false;
        foreach (var row in commit.Rows)
        {
            using var set = session.Use(Sql.SetRow);
            set.Bind(1, commit.Model).Bind(2, row.Key).Bind(3, row.Position.Value).BindUtf8(4, row.Data).Run();
        }

        if (commit.Tables is { } tables)
            await transaction.Lend(commit.Model, tables);
        return true;
    }

    public static void Reset(Session session, string model)
    {
        using var delete = session.Use(Sql.DeleteRows);
        delete.Bind(1, model).Run();
        using var next = session.Use(Sql.NextGeneration);
        next.Bind(1, model).Run();
    }

    /// <summary>Who has seen the last deletion that is forgotten has missed none, so only cursors before it are cut off.</summary>
    public static void TrimDeletions(Session session, string model, Position upTo)
    {
        using var last = session.Use(Sql.LastDeletion);
        last.Bind(1, model).Bind(2, upTo.Value).Step();
        if (last.IsNull(0))
            return;
        using var trimmed = session.Use(Sql.SetTrimmed);
        trimmed.Bind(1, model).Bind(2, last.Number(0)).Run();
        using var trim = session.Use(Sql.TrimDeletions);
        trim.Bind(1, model).Bind(2, upTo.Value).Run();
    }

    private static List<StoredRow> ReadChanges(Session session, string model, Position after, Position end, int limit)
    {
        using var rows = session.Use(Sql.ReadChanges);
        return ReadAll(rows.Bind(1, model).Bind(2, after.Value).Bind(3, end.Value).Bind(4, limit));
    }

    private static List<StoredRow> ReadChangesOf(Session session, string model, string key, Position after, Position end)
    {
        using var rows = session.Use(Sql.ReadChangesOf);
        return ReadAll(rows.Bind(1, model).Bind(2, after.Value).Bind(3, end.Value).Bind(4, key));
    }

    private static List<StoredRow> ReadRestOfEvent(Session session, string model, StoredRow last)
    {
        using var rows = session.Use(Sql.ReadChangesAt);
        return ReadAll(rows.Bind(1, model).Bind(2, last.Position.Value).Bind(3, last.Key));
    }

    private static RowPage Page(Session session, string model, List<StoredRow> rows)
    {
        var state = Checkpoints.State(session, model);
        return new RowPage(rows, state, state.Checkpoint.Position);
    }

    private static List<StoredRow> ReadAll(Statement rows)
    {
        var read = new List<StoredRow>();
        while (rows.Step())
            read.Add(new StoredRow(
                rows.Text(0), new Position(rows.Number(1)), rows.IsNull(2) ? default(ReadOnlyMemory<byte>?) : rows.Bytes(2).ToArray()));
        return read;
    }
}
