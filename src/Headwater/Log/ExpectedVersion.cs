namespace Headwater;

/// <summary>The optimistic check of an append: the version its stream must have.</summary>
/// <param name="Value">-1 for any, 0 for a stream that has no events yet, otherwise the exact version.</param>
public readonly record struct ExpectedVersion(long Value)
{
    /// <summary>No check.</summary>
    public static ExpectedVersion Any => new(-1);

    /// <summary>The stream must have no events yet.</summary>
    public static ExpectedVersion None => new(0);

    /// <summary>The stream's last event must have this version; zero means none yet.</summary>
    public static ExpectedVersion Exactly(long version) => version >= 0
        ? new(version)
        : throw new ArgumentOutOfRangeException(nameof(version), version, "A version is not negative.");

    /// <summary>Whether a stream that stands at the version passes the check.</summary>
    public bool Allows(long version) => Value < 0 || Value == version;

    /// <summary>The check in words.</summary>
    public override string ToString() => Value switch
    {
        < 0 => "any version",
        0 => "no events yet",
        _ => $"version {Value}",
    };
}
