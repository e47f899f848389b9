using System.Buffers;
using System.Text.Json;

namespace Headwater;

/// <summary>
/// Tells a client that it cannot go on in topics where it was. It looks like any other reset, so that a client that knows no topics
/// begins everything anew, which is safe; it names the feeds that it is about, for one that knows better.
/// </summary>
internal static class TopicReset
{
    public static byte[] Json(TopicGap gap, Cursor cursor, IEnumerable<TopicKey> places)
    {
        var reason = JsonNamingPolicy.KebabCaseLower.ConvertName(gap.ToString());
        Telemetry.Resets.Add(1, new KeyValuePair<string, object?>("headwater.reset.reason", reason));
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("reason", reason);
            json.WriteString("cursor", cursor.ToString());
            json.WriteStartArray("feeds");
            foreach (var place in places)
                json.WriteStringValue(place.ToString());
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
