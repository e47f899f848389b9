using System.Text.Json.Serialization;

namespace Departures;

public enum FlightStatus
{
    [JsonStringEnumMemberName("unscheduled")]
    Unscheduled,

    [JsonStringEnumMemberName("scheduled")]
    Scheduled,

    [JsonStringEnumMemberName("delayed")]
    Delayed,

    [JsonStringEnumMemberName("departed")]
    Departed,

    [JsonStringEnumMemberName("arrived")]
    Arrived,

    [JsonStringEnumMemberName("cancelled")]
    Cancelled,
}
