using System.Text;
using System.Text.Json;

namespace Headwater.EndToEnd;

/// <summary>All events of a feed, as one client read them without being disturbed, and what they amount to.</summary>
/// <param name="Positions">The position of each.</param>
/// <param name="Flights">How many events each flight has, and its last remark.</param>
/// <param name="Cursor">The place behind the last one.</param>
internal sealed record WholeFeed(List<int> Positions, Dictionary<string, (long Version, string? Remark)> Flights, string Cursor)
{
    public string Cursor { get; private set; } = Cursor;

    /// <summary>The text of the event added last; empty if it has none.</summary>
    public string LastRemark { get; private set; } = "";

    public void Add(ReadOnlySpan<byte> block)
    {
        Cursor = Encoding.ASCII.GetString(BlockReader.Field(block, "id: "u8));
        Positions.Add(BlockReader.PositionOf(BlockReader.Field(block, "id: "u8)));
        using var data = JsonDocument.Parse(BlockReader.Field(block, "data: "u8).ToArray());
        var remark = data.RootElement.TryGetProperty("text", out var text) ? text.GetString() : null;
        var flight = data.RootElement.GetProperty("flight").GetString()!;
        var before = Flights.GetValueOrDefault(flight);
        Flights[flight] = (before.Version + 1, remark ?? before.Remark);
        LastRemark = remark ?? "";
    }
}
