using System.Text.Json.Serialization;

namespace Headwater.Bench;

internal sealed record Nothing : IState<Nothing, Measured>
{
    public static Nothing Initial { get; } = new();

    public static Nothing Evolve(Nothing state, Measured happened) => state;
}

[JsonSerializable(typeof(Measured))]
[JsonSerializable(typeof(Nothing))]
internal sealed partial class MeasuredJson : JsonSerializerContext;
