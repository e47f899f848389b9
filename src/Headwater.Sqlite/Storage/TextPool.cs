using System.Text;

namespace Headwater;

/// <summary>
/// One string for each of the few names that come again and again, event types and categories: the process keeps tens of
/// thousands of events in memory.
/// </summary>
internal sealed class TextPool
{
    private const int MaxLength = 128;
    private const int MaxTexts = 1024;

    private readonly HashSet<string> texts = [];

    public string Of(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > MaxLength)
            return Encoding.UTF8.GetString(utf8);
        Span<char> buffer = stackalloc char[MaxLength];
        var text = buffer[..Encoding.UTF8.GetChars(utf8, buffer)];
        if (texts.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out var known))
            return known;
        if (texts.Count == MaxTexts)
            texts.Clear();
        var made = text.ToString();
        texts.Add(made);
        return made;
    }
}
