using System.Buffers;
using System.Text.Json;

namespace Headwater;

/// <summary>How a row leaves on a view feed: its key and the row, or null for a row that was deleted.</summary>
internal static class RowJson
{
    public static byte[] Encode(StoredRow row)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("key", row.Key);
            if (row.Data is { } data)
            {
                json.WritePropertyName("row");
                json.WriteRawValue(data.Span, skipInputValidation: true);
            }
            else
            {
                json.WriteNull("row");
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
