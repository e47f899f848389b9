using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Headwater;

/// <summary>The application's source-generated JSON, looked up by type.</summary>
internal sealed class ApplicationJson(IReadOnlyList<JsonSerializerContext> contexts)
{
    public IReadOnlyList<JsonSerializerContext> Contexts => contexts;

    public JsonTypeInfo Of(Type type)
    {
        foreach (var context in contexts)
            if (context.GetTypeInfo(type) is { } json)
                return json;
        throw new InvalidOperationException(
            $"There is no JSON for {type}: add [JsonSerializable(typeof({type.Name}))] to a JsonSerializerContext and give that to UseJson.");
    }

    public JsonTypeInfo<T> Of<T>() => (JsonTypeInfo<T>)Of(typeof(T));
}
