using System.Text.Json.Serialization;

namespace Headwater.Bench;

[JsonDerivedType(typeof(Added), "counter-added")]
internal abstract record CounterEvent
{
    public sealed record Added(int Amount, string Note) : CounterEvent;
}
