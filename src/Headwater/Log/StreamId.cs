using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Headwater;

/// <summary>
/// Names a stream: the events of one thing. Its text form is <c>category-key</c>, as is common in event stores, so a category
/// has no dash and a key may have any.
/// </summary>
public readonly record struct StreamId
{
    /// <summary>The longest text form allowed, in characters.</summary>
    public const int MaxLength = 256;

    private static readonly SearchValues<char> categoryCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_");
    private static readonly SearchValues<char> controlCharacters =
        SearchValues.Create([.. Enumerable.Range(0, 0xA0).Select(code => (char)code).Where(char.IsControl)]);

    /// <summary>Names a stream.</summary>
    /// <param name="category">What kind of thing it is: lower-case ASCII letters, digits and underscores, a letter first.</param>
    /// <param name="key">Which one it is: any characters but control characters.</param>
    /// <exception cref="ArgumentException">The category or the key breaks these rules, or both together are too long.</exception>
    public StreamId(string category, string key)
    {
        if (!IsCategory(category))
            throw new ArgumentException(
                $"'{category}' is no stream category: expected lower-case letters, digits and underscores, a letter first.", nameof(category));
        if (!IsKey(key, category.Length))
            throw new ArgumentException(
                $"A stream key has 1 to {MaxLength} characters together with its category and no control characters.", nameof(key));
        Category = category;
        Key = key;
    }

    /// <summary>What kind of thing the stream is about.</summary>
    public string Category { get; }

    /// <summary>Which thing of that kind.</summary>
    public string Key { get; }

    /// <summary>Reads the text form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out StreamId stream)
    {
        stream = default;
        var dash = text?.IndexOf('-', StringComparison.Ordinal) ?? -1;
        if (text is null || dash < 0)
            return false;
        var (category, key) = (text[..dash], text[(dash + 1)..]);
        if (!IsCategory(category) || !IsKey(key, dash))
            return false;
        stream = new StreamId(category, key);
        return true;
    }

    /// <summary>Reads the text form.</summary>
    /// <exception cref="FormatException">The text names no stream.</exception>
    public static StreamId Parse(string text) =>
        TryParse(text, out var stream) ? stream : throw new FormatException($"'{text}' names no stream: expected 'category-key'.");

    /// <summary>Whether the text can be a key in the category.</summary>
    public static bool IsKey([NotNullWhen(true)] string? key, string category)
    {
        ArgumentNullException.ThrowIfNull(category);
        return IsKey(key, category.Length);
    }

    /// <summary>The text form, <c>category-key</c>.</summary>
    public override string ToString() => $"{Category}-{Key}";

    internal static bool IsCategory([NotNullWhen(true)] string? text) =>
        text is { Length: > 0 and <= 64 } && char.IsAsciiLetterLower(text[0])
        && !text.AsSpan().ContainsAnyExcept(categoryCharacters);

    private static bool IsKey([NotNullWhen(true)] string? key, int categoryLength) =>
        key is { Length: > 0 } && key.Length + categoryLength < MaxLength && !key.AsSpan().ContainsAny(controlCharacters);
}
