using System.Text;
using Headwater;
using static Headwater.Decision;

namespace Departures;

/// <summary>The rule for what people write.</summary>
internal static class Text
{
    public const int MaxBytes = 4096;

    public static Refusal? Mistake(string what, string text) =>
        string.IsNullOrWhiteSpace(text) ? Invalid($"no-{what}", $"A {what} cannot be empty.")
        : Encoding.UTF8.GetByteCount(text) is var bytes and > MaxBytes ? Invalid($"long-{what}", $"A {what} has at most {MaxBytes:N0} bytes of UTF-8; this one has {bytes:N0}.")
        : null;
}
