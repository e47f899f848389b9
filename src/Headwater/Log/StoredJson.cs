using System.Text.Json;
using System.Text.Json.Serialization;

namespace Headwater;

/// <summary>The JSON in which stores keep an event's metadata and tags; null if there are none.</summary>
internal static class StoredJson
{
    public static byte[]? Encode(EventMetadata metadata) => metadata == EventMetadata.None
        ? null
        : JsonSerializer.SerializeToUtf8Bytes(metadata, StoredJsonContext.Default.EventMetadata);

    public static byte[]? Encode(IReadOnlyList<Tag> tags) => tags.Count == 0
        ? null
        : JsonSerializer.SerializeToUtf8Bytes([.. tags.SelectMany(tag => new[] { tag.Key, tag.Value })], StoredJsonContext.Default.StringArray);

    /// <summary>Reads token by token, because every event has metadata and every follower of the log reads it.</summary>
    public static EventMetadata DecodeMetadata(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty)
            return EventMetadata.None;
        string? causation = null, correlation = null, traceParent = null, actor = null, unknown = null;
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is not JsonTokenType.PropertyName)
                continue;
            ref var value = ref reader.ValueTextEquals("correlation"u8) ? ref correlation
                : ref reader.ValueTextEquals("causation"u8) ? ref causation
                : ref reader.ValueTextEquals("traceParent"u8) ? ref traceParent
                : ref reader.ValueTextEquals("actor"u8) ? ref actor
                : ref unknown;
            reader.Read();

            // Other programs append too, and may say more than is known here.
            if (reader.TokenType is JsonTokenType.String)
                value = reader.GetString();
            else
                reader.Skip();
        }

        return new EventMetadata { Causation = causation, Correlation = correlation, TraceParent = traceParent, Actor = actor };
    }

    public static Tag[] DecodeTags(ReadOnlySpan<byte> json) => json.IsEmpty
        ? []
        : [.. JsonSerializer.Deserialize(json, StoredJsonContext.Default.StringArray)!.Chunk(2).Select(pair => new Tag(pair[0], pair[1]))];
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EventMetadata))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class StoredJsonContext : JsonSerializerContext;
