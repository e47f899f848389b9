using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Headwater;

/// <summary>
/// How far a client has come: the log's epoch, a position in the log and, because read models lag behind the log, one
/// position for each read model the client follows. Its text form is opaque to clients: all they do is send it back.
/// </summary>
/// <remarks>
/// Text form: <c>epoch.position</c>, or <c>epoch.position.atLeast</c> if the caller knows of events that are not readable yet, then
/// <c>~view.generation.position</c> for each read model, in ordinal order of their names. Every character is allowed unescaped in
/// a header, a query string and an SSE <c>id:</c>.
/// </remarks>
public readonly struct Cursor : IEquatable<Cursor>
{
    // Room for as many read models with names as long as a connection may follow by default.
    private const int MaxLength = 4096;

    private readonly ViewPosition[]? views;
    private readonly Position atLeast;

    /// <summary>A cursor into the log alone, or into the log and some read models.</summary>
    /// <param name="epoch">The log's epoch.</param>
    /// <param name="position">Every event at or below it has been seen.</param>
    /// <param name="views">The read models followed; their order does not matter.</param>
    public Cursor(string epoch, Position position, params ViewPosition[] views)
    {
        ArgumentNullException.ThrowIfNull(views);
        Epoch = epoch;
        Position = position;
        this.views = views.Length < 2 ? views : [.. views.OrderBy(view => view.View, StringComparer.Ordinal)];
    }

    /// <summary>Identifies the log; a cursor of another log, or of one restored from a backup, has another epoch.</summary>
    public string Epoch { get; }

    /// <summary>Every event at or below this position has been seen.</summary>
    public Position Position { get; }

    /// <summary>
    /// The last event the cursor's owner knows of, such as one of its own; never below <see cref="Position"/>, and by default that.
    /// Where appends become readable in another order than that of their positions, events below it may still come, so following
    /// begins at <see cref="Position"/>; what waits for one's own writes waits for this.
    /// </summary>
    public Position AtLeast
    {
        get => Position.Latest(atLeast, Position);
        init => atLeast = value;
    }

    /// <summary>The read models followed, in ordinal order of their names.</summary>
    public IReadOnlyList<ViewPosition> Views => views ?? [];

    /// <summary>Where the cursor stands in a read model, or null if it says nothing about it.</summary>
    public ViewPosition? In(string view)
    {
        foreach (var candidate in Views)
            if (candidate.View == view)
                return candidate;
        return null;
    }

    /// <summary>The same cursor, saying nothing about a part.</summary>
    internal Cursor Without(string view) =>
        new(Epoch, Position, [.. Views.Where(part => part.View != view)]) { AtLeast = AtLeast };

    /// <summary>
    /// Where a client stands that has taken several snapshots one after the other: in the log at the earliest, in each read
    /// model at the earliest that says something about it. It knows of the last event that one of them knows of.
    /// </summary>
    /// <returns>False if the cursors do not go together, because of another epoch or a read model built again in between.</returns>
    public static bool TryMerge(IReadOnlyList<Cursor> cursors, out Cursor merged)
    {
        ArgumentNullException.ThrowIfNull(cursors);
        merged = default;
        var byView = cursors.SelectMany(cursor => cursor.Views).GroupBy(view => view.View).ToList();
        if (cursors.Count == 0 || cursors.Any(cursor => cursor.Epoch != cursors[0].Epoch)
            || byView.Exists(view => view.Any(part => part.Generation != view.First().Generation)))
            return false;
        merged = new Cursor(
            cursors[0].Epoch, cursors.Min(cursor => cursor.Position), [.. byView.Select(view => view.MinBy(part => part.Position))])
        {
            AtLeast = cursors.Max(cursor => cursor.AtLeast),
        };
        return true;
    }

    /// <summary>Reads the text form.</summary>
    /// <returns>False if the text is no cursor; the text may come from anybody.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, out Cursor cursor)
    {
        cursor = default;
        if (text is null || text.Length > MaxLength)
            return false;

        var parts = text.Split('~');
        var log = parts[0].Split('.');
        if (log.Length is not (2 or 3) || !IsName(log[0]) || !TryParsePosition(log[1], out var position))
            return false;
        var atLeast = position;
        if (log.Length == 3 && (!TryParsePosition(log[2], out atLeast) || atLeast <= position))
            return false;

        var views = new ViewPosition[parts.Length - 1];
        for (var i = 0; i < views.Length; i++)
        {
            var view = parts[i + 1].Split('.');
            if (view.Length != 3 || !IsName(view[0]) || !TryParsePosition(view[2], out var at)
                || !int.TryParse(view[1], NumberStyles.None, CultureInfo.InvariantCulture, out var generation))
                return false;
            views[i] = new ViewPosition(view[0], generation, at);
        }

        cursor = new Cursor(log[0], position, views) { AtLeast = atLeast };
        return true;
    }

    /// <summary>The text form.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(32).Append(Epoch).Append('.').Append(Position.Value);
        if (AtLeast > Position)
            text.Append('.').Append(AtLeast.Value);
        foreach (var view in Views)
            text.Append('~').Append(view.View).Append('.').Append(view.Generation).Append('.').Append(view.Position.Value);
        return text.ToString();
    }

    /// <inheritdoc/>
    public bool Equals(Cursor other) =>
        Epoch == other.Epoch && Position == other.Position && AtLeast == other.AtLeast && Views.SequenceEqual(other.Views);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Cursor other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Epoch, Position);

    /// <summary>Whether both stand at the same place.</summary>
    public static bool operator ==(Cursor left, Cursor right) => left.Equals(right);

    /// <summary>Whether they stand at different places.</summary>
    public static bool operator !=(Cursor left, Cursor right) => !left.Equals(right);

    private static bool IsName(string text) =>
        text.Length is > 0 and <= 64 && text.All(c => c is '-' or '_' || char.IsAsciiLetterOrDigit(c));

    private static bool TryParsePosition(string text, out Position position)
    {
        var parsed = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value);
        position = new Position(value);
        return parsed;
    }
}

/// <summary>Where a cursor stands in one read model.</summary>
/// <param name="View">The read model's name.</param>
/// <param name="Generation">How often the read model had been rebuilt; a cursor of another generation cannot be resumed.</param>
/// <param name="Position">Every row change at or below it has been seen.</param>
public readonly record struct ViewPosition(string View, int Generation, Position Position);
