using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Headwater.AspNetCore;

/// <summary>How a page of a feed is written: as plain JSON, or as a batch of CloudEvents 1.0 (JSON batch format).</summary>
internal static class FeedPage
{
    public const string Json = "application/json";
    public const string CloudEvents = "application/cloudevents-batch+json";

    private static readonly JsonWriterOptions options = new() { SkipValidation = true };

    public static ReadOnlyMemory<byte> Write(FeedPoll page, bool asCloudEvents)
    {
        var body = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(body, options))
        {
            if (asCloudEvents)
                WriteCloudEvents(json, page);
            else
                WritePlain(json, page);
        }

        return body.WrittenMemory;
    }

    /// <summary>The fields are those of a server-sent event, so that a client needs one piece of code for both.</summary>
    private static void WritePlain(Utf8JsonWriter json, FeedPoll page)
    {
        json.WriteStartObject();
        json.WriteStartArray("events");
        foreach (var item in page.Items)
        {
            json.WriteStartObject();
            json.WriteString("event", item.Frame.Name);
            End(json, "id", item.Cursor, item.Frame.Json.Span);
        }

        if (page.Reset is not ResetReason.None)
        {
            json.WriteStartObject();
            json.WriteString("event", ResetFrame.Name);
            End(json, "id", page.Cursor, ResetOf(page));
        }

        json.WriteEndArray();
        json.WriteString("cursor", page.Cursor.ToString());
        json.WriteEndObject();
    }

    private static void WriteCloudEvents(Utf8JsonWriter json, FeedPoll page)
    {
        json.WriteStartArray();
        foreach (var item in page.Items)
        {
            Begin(json, item.Frame.Name, $"/feeds/{Uri.EscapeDataString(item.Feed.Name)}");
            switch (item.Origin)
            {
                case RecordedEvent happened:
                    json.WriteString("id", happened.Id);
                    json.WriteString("subject", happened.Stream.Key);
                    json.WriteString("time", happened.RecordedAt.UtcDateTime);
                    if (happened.Metadata.TraceParent is { } trace)
                        json.WriteString("traceparent", trace);
                    break;
                case ViewChange change:
                    // A row that changes again, or is built again, is another event.
                    json.WriteString("id", string.Create(CultureInfo.InvariantCulture, $"{item.Generation}.{change.Position}/{change.Key}"));
                    json.WriteString("subject", change.Key);
                    break;
                case TopicMessage message:
                    json.WriteString("id", string.Create(CultureInfo.InvariantCulture, $"{item.Generation}.{message.Position}/{message.Name}"));
                    if (message.Key is { } key)
                        json.WriteString("subject", key);
                    json.WriteString("time", message.PublishedAt.UtcDateTime);
                    break;
            }

            End(json, "cursor", item.Cursor, item.Frame.Json.Span);
        }

        if (page.Reset is not ResetReason.None)
        {
            Begin(json, ResetFrame.Name, "/feeds");
            json.WriteString("id", $"reset.{page.Cursor}");
            End(json, "cursor", page.Cursor, ResetOf(page));
        }

        json.WriteEndArray();
    }

    private static void Begin(Utf8JsonWriter json, string type, string source)
    {
        json.WriteStartObject();
        json.WriteString("specversion", "1.0");
        json.WriteString("type", type);
        json.WriteString("source", source);
        json.WriteString("datacontenttype", Json);
    }

    /// <summary>Ends what both formats and the reset have in common: where the client stands behind it, and what it says.</summary>
    private static void End(Utf8JsonWriter json, string cursorName, Cursor? cursor, ReadOnlySpan<byte> data)
    {
        if (cursor is { } reached)
            json.WriteString(cursorName, reached.ToString());
        json.WritePropertyName("data");
        json.WriteRawValue(data, skipInputValidation: true);
        json.WriteEndObject();
    }

    private static byte[] ResetOf(FeedPoll page) => Encoding.UTF8.GetBytes(ResetFrame.Data(page.Reset, page.Cursor));
}
