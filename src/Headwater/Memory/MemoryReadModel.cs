using System.Collections.Immutable;
using System.Text.Json;

namespace Headwater;

/// <summary>A read model of a <see cref="MemoryStore"/>: its rows by key, the deleted ones included, and where it stands.</summary>
internal sealed record MemoryReadModel(ImmutableSortedDictionary<string, StoredRow> Rows, ReadModelState State)
{
    public static MemoryReadModel Empty { get; } =
        new(ImmutableSortedDictionary.Create<string, StoredRow>(StringComparer.Ordinal), default);

    public StoredRow? Row(string key) => Rows.GetValueOrDefault(key) is { Data: not null } row ? row : null;

    public RowPage Find(IReadOnlyList<FieldValue> fields, string? afterKey, int limit) => Page(Rows.Values
        .Where(row => row.Data is not null && (afterKey is null || string.CompareOrdinal(row.Key, afterKey) > 0) && Has(row, fields))
        .Take(limit));

    public RowPage Page(IEnumerable<StoredRow> rows) => new([.. rows], State, State.Checkpoint.Position);

    public RowPage Changes(string? key, Position after, int limit)
    {
        var changed = Rows.Values
            .Where(row => row.Position > after && row.Position <= State.Checkpoint.Position
                && (key is null || row.Key == key))
            .OrderBy(row => row.Position)
            .ToList();

        var count = Math.Min(limit, changed.Count);
        while (count > 0 && count < changed.Count && changed[count].Position == changed[count - 1].Position)
            count++;
        return count < changed.Count
            ? new RowPage(changed[..count], State, changed[count - 1].Position)
            : new RowPage(changed, State, Position.Latest(after, State.Checkpoint.Position));
    }

    /// <summary>Null if it does not stand where the commit expects it.</summary>
    public MemoryReadModel? Commit(ProjectionCommit commit)
    {
        if (commit.Tables is not null)
            throw NoTables(commit.Model);
        return State.Checkpoint != commit.From ? null : new(
            Rows.SetItems(commit.Rows.Select(row => KeyValuePair.Create(row.Key, row))),
            State with { Checkpoint = commit.From with { Position = commit.To } });
    }

    public MemoryReadModel Claim(long fence) => this with { State = State with { Checkpoint = State.Checkpoint.Claim(fence) } };

    public MemoryReadModel NextGeneration() => Empty with
    {
        State = new ReadModelState(
            State.Checkpoint with { Position = Position.Start, Generation = State.Checkpoint.Generation + 1 }, Position.Start),
    };

    public MemoryReadModel Trim(Position upTo)
    {
        var forgotten = Rows.Values.Where(row => row.Data is null && row.Position <= upTo).ToList();
        if (forgotten.Count == 0)
            return this;

        // Who has seen the last deletion that is forgotten has missed none, so only cursors before it are cut off.
        var last = forgotten.Max(row => row.Position.Value);
        return new(
            Rows.RemoveRange(forgotten.Select(row => row.Key)),
            State with { TrimmedTo = Position.Latest(State.TrimmedTo, new Position(last)) });
    }

    public static NotSupportedException NoTables(string model) => new(
        $"The projection '{model}' writes SQL tables, and the memory store has none; use a database, or a projection with rows.");

    private static bool Has(StoredRow row, IReadOnlyList<FieldValue> fields)
    {
        if (fields.Count == 0)
            return true;
        using var json = JsonDocument.Parse(row.Data!.Value);
        return fields.All(field => json.RootElement.TryGetProperty(field.Field, out var value) && Text(value) == field.Value);
    }

    private static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
        _ => null,
    };
}
