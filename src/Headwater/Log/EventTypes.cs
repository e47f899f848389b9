using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Headwater;

/// <summary>An event type: its .NET type, and the stable name and schema version it is stored under.</summary>
internal sealed record EventType(Type ClrType, string Name, int SchemaVersion, JsonTypeInfo Json);

/// <summary>Which event types the application knows, and how they are read and written.</summary>
internal sealed class EventTypes
{
    private readonly FrozenDictionary<string, EventType> byName;
    private readonly FrozenDictionary<Type, EventType> byType;

    public EventTypes(IReadOnlyCollection<EventType> types)
    {
        foreach (var same in types.GroupBy(type => type.Name).Where(group => group.Count() > 1))
            throw new InvalidOperationException(
                $"The event name '{same.Key}' is registered for {string.Join(" and ", same.Select(type => type.ClrType))}; " +
                "a name stands for one type. Rename one in its JsonDerivedType attribute.");
        byName = types.ToFrozenDictionary(type => type.Name);
        byType = types.ToFrozenDictionary(type => type.ClrType);
    }

    public EventType Of(object happened) => byType.TryGetValue(happened.GetType(), out var type)
        ? type
        : throw new InvalidOperationException(
            $"The event type {happened.GetType()} is not registered; give its base type a JsonDerivedType attribute for it.");

    public EventData Encode(object happened, Guid id, EventMetadata metadata, IReadOnlyList<Tag> tags)
    {
        var type = Of(happened);
        return new EventData(id, type.Name, JsonSerializer.SerializeToUtf8Bytes(happened, type.Json))
        {
            SchemaVersion = type.SchemaVersion,
            Metadata = metadata,
            Tags = tags,
        };
    }

    public object Decode(RecordedEvent happened)
    {
        if (!byName.TryGetValue(happened.Type, out var type))
            throw new UnreadableEventException(happened, "no event type is registered under this name. Register it with AddStream.");
        if (happened.SchemaVersion != type.SchemaVersion)
            throw new UnreadableEventException(happened,
                $"this application registers it with schema version {type.SchemaVersion}. Register the version the data was written with.");
        try
        {
            return JsonSerializer.Deserialize(happened.Data.Span, type.Json)
                ?? throw new UnreadableEventException(happened, "its data is null.");
        }
        catch (Exception e) when (e is not UnreadableEventException)
        {
            // Not only the serialiser's own complaint: a constructor that checks its arguments may throw anything.
            throw new UnreadableEventException(happened, $"its data does not fit {type.ClrType}: {e.Message}", e);
        }
    }
}
