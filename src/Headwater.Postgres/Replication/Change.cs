using NpgsqlTypes;

namespace Headwater;

/// <summary>A row or message of the source: where it stands there, and the event it becomes, or why it is none.</summary>
/// <param name="Commit">Where its transaction was committed.</param>
/// <param name="Number">Which of its transaction's changes it is, from 0.</param>
internal sealed record Change(NpgsqlLogSequenceNumber Commit, int Number)
{
    private const int MaxContent = 1 << 16;

    public StreamId Stream { get; init; }

    /// <summary>The event; null if it is none, and is passed over.</summary>
    public EventData? Event { get; init; }

    /// <summary>Why it is no event.</summary>
    public string? Error { get; init; }

    /// <summary>What came, if it is no event.</summary>
    public string? Content { get; init; }

    public int Size => 256 + (Event?.Data.Length ?? Content?.Length ?? 0);

    /// <summary>The same, passed over.</summary>
    public Change Skipped(string error, string content) => new(Commit, Number)
    {
        Error = Storable(error),
        Content = Storable(content.Length <= MaxContent ? content : content[..MaxContent]),
    };

    private static string Storable(string text) => text.Replace('\0', '\uFFFD');
}
