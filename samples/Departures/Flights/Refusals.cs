using Headwater;
using static Headwater.Decision;

namespace Departures;

/// <summary>What several commands are refused for. A code stays as it is: clients act on it.</summary>
internal static class Refusals
{
    public static Refusal Unknown { get; } = Refuse("flight-unknown", "There is no such flight yet; schedule it first.");

    public static Refusal Departed { get; } = Refuse("flight-departed", "The flight has departed.");

    public static Refusal Cancelled { get; } = Refuse("flight-cancelled", "The flight is cancelled.");
}
