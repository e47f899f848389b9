using System.Text.Json.Serialization;

namespace Headwater.Bench;

/// <summary>The events that are measured with, of about 200 bytes each.</summary>
[JsonDerivedType(typeof(Moved), "moved")]
internal abstract record Measured
{
    public sealed record Moved(string Flight, string From, string To, DateTimeOffset At, string Remark) : Measured;

    public static Moved Number(int i) => new(
        $"UA{i}", "ATL", "ORD", DateTimeOffset.UnixEpoch.AddSeconds(i),
        "A remark of the length remarks have in practice, so that an event as a whole has about two hundred bytes");
}
