using System.Buffers;
using System.Globalization;
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
            if (item.Cursor is { } reached)
                json.WriteString("id", reached.ToString());
            json.WriteString("event", item.Frame.Name);
            json.WritePropertyName("data");
            json.WriteRawValue(item.Frame.Json.Span, skipInputValidation: true);
            json.WriteEndObject();
        }

        if (page.Reset is not ResetReason.None)
        {
            json.WriteStartObject();
            json.WriteString("id", page.Cursor.ToString());
            json.WriteString("event", ResetFrame.Name);
            json.WritePropertyName("data");
            json.WriteRawValue(ResetFrame.Data(page.Reset, page.Cursor));
            json.WriteEndObject();
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
            }

            if (item.Cursor is { } reached)
                json.WriteString("cursor", reached.ToString());
            json.WritePropertyName("data");
            json.WriteRawValue(item.Frame.Json.Span, skipInputValidation: true);
            json.WriteEndObject();
        }

        if (page.Reset is not ResetReason.None)
        {
            Begin(json, ResetFrame.Name, "/feeds");
            json.WriteString("id", $"reset.{page.Cursor}");
            json.WriteString("cursor", page.Cursor.ToString());
            json.WritePropertyName("data");
            json.WriteRawValue(ResetFrame.Data(page.Reset, page.Cursor));
            json.WriteEndObject();
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
}
