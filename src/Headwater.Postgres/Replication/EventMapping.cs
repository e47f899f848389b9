using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

namespace Headwater;

/// <summary>Makes an event of a row or a message, or says why that cannot be.</summary>
internal sealed class EventMapping(PostgresSourceOptions options, HeadwaterOptions limits)
{
    private const int MaxShown = 80;

    /// <summary>Maps a row.</summary>
    /// <param name="change">Where it stands.</param>
    /// <param name="row">The values as text, by the columns' names.</param>
    /// <param name="derived">The id it has if the table has none.</param>
    public Change Row(Change change, Dictionary<string, string?> row, Guid derived)
    {
        var (payload, at) = (Required(row, options.PayloadColumn), Named(options.PayloadColumn));
        return Build(
            change, StreamOf(row), Required(row, options.TypeColumn), Json(payload.StartsWith("\\x", StringComparison.Ordinal) ? Bytes(payload, at) : Encoding.UTF8.GetBytes(payload), at),
            options.IdColumn is null ? derived : Id(Required(row, options.IdColumn), Named(options.IdColumn)),
            Object(row, options.MetadataColumn), Object(row, options.TagsColumn), Named(options.MetadataColumn), Named(options.TagsColumn));
    }

    /// <summary>Maps a message.</summary>
    public Change Message(Change change, byte[] content, Guid derived)
    {
        var parsed = Parse(content, "the message's content");
        if (parsed.ValueKind is not JsonValueKind.Object)
            throw Wrong("the message's content", "a JSON object with stream, type and data", parsed.GetRawText());
        var stream = Text(parsed, "stream");
        return Build(
            change,
            StreamId.TryParse(stream, out var id) ? id : throw Wrong("'stream'", "'category-key', the category of lower-case letters, digits and underscores", stream),
            Text(parsed, "type"),
            parsed.TryGetProperty("data", out var data) ? Encoding.UTF8.GetBytes(data.GetRawText()) : throw Wrong("'data'", "the event as JSON", null),
            parsed.TryGetProperty("id", out _) ? Id(Text(parsed, "id"), "'id'") : derived,
            parsed.TryGetProperty("metadata", out var metadata) ? metadata : default, parsed.TryGetProperty("tags", out var tags) ? tags : default,
            "'metadata'", "'tags'");
    }

    private Change Build(
        Change change, StreamId stream, string type, byte[] data, Guid id, JsonElement metadata, JsonElement tags, string metadataAt, string tagsAt)
    {
        if (data.AsSpan().SequenceEqual("null"u8))
            throw Wrong("the event's data", "JSON that is not null", "null");
        var happened = new EventData(id, type, data) { Metadata = Metadata(metadata, metadataAt), Tags = Tags(tags, tagsAt) };
        try
        {
            AppendLimits.Check(new AppendRequest([new StreamAppend(stream, ExpectedVersion.Any, [happened])]), limits);
        }
        catch (ArgumentException e)
        {
            throw new UnmappableException(e.Message, e);
        }

        return change with { Stream = stream, Event = happened };
    }

    private StreamId StreamOf(Dictionary<string, string?> row)
    {
        if (options.StreamColumn is { } column)
        {
            var text = Required(row, column);
            return StreamId.TryParse(text, out var parsed)
                ? parsed
                : throw Wrong(Named(column), "a stream, 'category-key', the category of lower-case letters, digits and underscores", text);
        }

        var (type, key) = (Required(row, options.AggregateTypeColumn), Required(row, options.AggregateIdColumn));
        var category = JsonNamingPolicy.SnakeCaseLower.ConvertName(type).Replace('-', '_');
        if (!StreamId.IsCategory(category))
            throw Wrong(Named(options.AggregateTypeColumn), "an aggregate's type of letters, digits, dashes and underscores, a letter first", type);
        return StreamId.IsKey(key, category)
            ? new StreamId(category, key)
            : throw Wrong(Named(options.AggregateIdColumn), $"an aggregate's id of 1 to {StreamId.MaxLength} characters together with its type, without control characters", key);
    }

    private static string Required(Dictionary<string, string?> row, string column) =>
        row.GetValueOrDefault(column) ?? throw Wrong(Named(column), "a value", null);

    private static Guid Id(string text, string at) => Guid.TryParse(text, out var id) ? id : throw Wrong(at, "a UUID", text);

    private static JsonElement Object(Dictionary<string, string?> row, string? column) =>
        column is not null && row.GetValueOrDefault(column) is { } text ? Parse(Encoding.UTF8.GetBytes(text), Named(column)) : default;

    private static EventMetadata Metadata(JsonElement json, string at)
    {
        if (IsMissing(json))
            return EventMetadata.None;
        if (json.ValueKind is not JsonValueKind.Object)
            throw Wrong(at, "a JSON object", json.GetRawText());
        var metadata = EventMetadata.None;
        foreach (var property in json.EnumerateObject().Where(property => property.Value.ValueKind is JsonValueKind.String))
            metadata = property.Name.ToUpperInvariant() switch
            {
                "CAUSATION" => metadata with { Causation = property.Value.GetString() },
                "CORRELATION" => metadata with { Correlation = property.Value.GetString() },
                "TRACEPARENT" => metadata with { TraceParent = property.Value.GetString() },
                "ACTOR" => metadata with { Actor = property.Value.GetString() },
                _ => metadata,
            };
        return metadata;
    }

    private static Tag[] Tags(JsonElement json, string at)
    {
        if (IsMissing(json))
            return [];
        return json.ValueKind is JsonValueKind.Object && json.EnumerateObject().All(property => property.Value.ValueKind is JsonValueKind.String)
            ? [.. json.EnumerateObject().Select(property => new Tag(property.Name, property.Value.GetString()!))]
            : throw Wrong(at, "a JSON object of texts", json.GetRawText());
    }

    private static bool IsMissing(JsonElement json) => json.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    private static string Text(JsonElement json, string property) =>
        json.TryGetProperty(property, out var value) && value.ValueKind is JsonValueKind.String
            ? value.GetString()!
            : throw Wrong($"'{property}'", "a JSON text", value.ValueKind is JsonValueKind.Undefined ? null : value.GetRawText());

    private static byte[] Json(byte[] text, string at)
    {
        Parse(text, at);
        return text;
    }

    private static JsonElement Parse(byte[] text, string at)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw Wrong(at, $"JSON ({e.Message.Split(". ")[0]})", Encoding.UTF8.GetString(text), e);
        }
    }

    private static byte[] Bytes(string hex, string at)
    {
        try
        {
            return Convert.FromHexString(hex.AsSpan(2));
        }
        catch (FormatException e)
        {
            throw Wrong(at, "JSON", hex, e);
        }
    }

    [return: NotNullIfNotNull(nameof(column))]
    private static string Named(string? column) => $"column '{column}'";

    private static UnmappableException Wrong(string at, string expected, string? came, Exception? cause = null) =>
        new($"{at} must hold {expected}, and {(came is null ? "is null or missing" : $"holds {Shown(came)}")}.", cause);

    private static string Shown(string text) => text.Length <= MaxShown ? $"'{text}'" : $"'{text[..MaxShown]}' and more";
}
