using System.Globalization;
using System.Text.Json;

namespace Departures;

/// <summary>A flight that took place; what the fields mean stands in data/README.md.</summary>
internal sealed record RealFlight(string Date, int Delay, int Distance, string Origin, string Destination)
{
    public DateTimeOffset Scheduled => DateTimeOffset.ParseExact(
        Date, "yyyy/MM/dd HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    /// <summary>All 20,000, in the order of their scheduled times.</summary>
    public static IReadOnlyList<RealFlight> ReadAll()
    {
        using var file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "data", "flights-20k.json"));
        return JsonSerializer.Deserialize(file, DeparturesJson.Default.IReadOnlyListRealFlight)!;
    }
}
