namespace Headwater;

/// <summary>A place in the log. It only grows; gaps are allowed, order is not negotiable.</summary>
/// <param name="Value">Zero before the first event; the first event stands at one or above.</param>
public readonly record struct Position(long Value) : IComparable<Position>
{
    /// <summary>Before the first event.</summary>
    public static Position Start => default;

    /// <summary>Above every position a log can reach.</summary>
    public static Position Max => new(long.MaxValue);

    /// <inheritdoc/>
    public int CompareTo(Position other) => Value.CompareTo(other.Value);

    /// <summary>Whether the left position stands before the right one.</summary>
    public static bool operator <(Position left, Position right) => left.Value < right.Value;

    /// <summary>Whether the left position stands after the right one.</summary>
    public static bool operator >(Position left, Position right) => left.Value > right.Value;

    /// <summary>Whether the left position does not stand after the right one.</summary>
    public static bool operator <=(Position left, Position right) => left.Value <= right.Value;

    /// <summary>Whether the left position does not stand before the right one.</summary>
    public static bool operator >=(Position left, Position right) => left.Value >= right.Value;

    /// <summary>The earlier of two positions.</summary>
    public static Position Min(Position left, Position right) => left < right ? left : right;

    /// <summary>The later of two positions.</summary>
    public static Position Latest(Position left, Position right) => left > right ? left : right;

    /// <summary>The number, in decimal digits.</summary>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
