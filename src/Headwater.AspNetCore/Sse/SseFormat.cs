using System.Buffers;
using System.Text;

namespace Headwater.AspNetCore;

/// <summary>The text of server-sent events (WHATWG HTML, 9.2.5).</summary>
internal static class SseFormat
{
    /// <summary>A frame's fields without its id: the part that is the same for every connection.</summary>
    public static byte[] Encode(Frame frame)
    {
        var output = new ArrayBufferWriter<byte>(frame.Json.Length + frame.Name.Length + 32);
        output.Write("event: "u8);
        output.Write(Encoding.UTF8.GetBytes(frame.Name));
        output.Write("\n"u8);

        // JSON may be written indented; a line break in it must begin a new data line.
        var rest = frame.Json.Span;
        while (true)
        {
            var end = rest.IndexOfAny((byte)'\n', (byte)'\r');
            output.Write("data: "u8);
            output.Write(end < 0 ? rest : rest[..end]);
            output.Write("\n"u8);
            if (end < 0)
                return output.WrittenSpan.ToArray();
            rest = rest[(end + 1)..];
        }
    }

    /// <summary>A comment as long as what some proxies hold back before they begin to pass an answer on.</summary>
    public static ReadOnlySpan<byte> Padding => padding;

    private static readonly byte[] padding = [.. ":"u8, .. Enumerable.Repeat((byte)' ', 2048), .. "\n\n"u8];

    public static string Comment(string text) => $": {text}\n\n";

    public static string Retry(TimeSpan time) => $"retry: {(int)time.TotalMilliseconds}\n\n";

    /// <summary>Ends a block and, with a cursor, tells the client where it stands.</summary>
    public static string EndOfBlock(Cursor? cursor) => cursor is { } reached ? $"id: {reached}\n\n" : "\n";
}
