namespace Headwater;

/// <summary>The public, versioned shape of what a feed sends. What has no contract does not leave.</summary>
/// <param name="Name">Its stable name; lower-case letters, digits and dashes.</param>
/// <param name="Version">The version of its shape, from 1.</param>
internal sealed record Contract(string Name, int Version)
{
    /// <summary>The name on the wire: the first version goes by its name alone.</summary>
    public string WireName { get; } = Version == 1 ? Name : $"{Name}.v{Version}";

    /// <summary>Whether a name can be an event's on the wire: it is one, and means nothing else to clients.</summary>
    public static bool IsFree(string name) => Names.IsName(name) && name is not ("reset" or "problem" or "expiring" or "message" or "error" or "open");

    public static Contract Create(string name, int version)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(version, 1);
        return IsFree(name)
            ? new Contract(name, version)
            : throw new ArgumentException(
                $"'{name}' is no contract name: expected lower-case letters, digits and dashes, a letter first, and none of reset, " +
                "problem, expiring, message, error, open, which mean something else to clients.", nameof(name));
    }
}

/// <summary>The rule for the names of feeds, read models, subscriptions and contracts.</summary>
internal static class Names
{
    public static bool IsName(string? text) =>
        text is { Length: > 0 and <= 64 } && char.IsAsciiLetterLower(text[0])
        && text.All(c => c == '-' || char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c));

    public static string Check(string text, string what) => IsName(text)
        ? text
        : throw new ArgumentException($"'{text}' is no name for a {what}: expected lower-case letters, digits and dashes, a letter first, 64 at most.");
}
