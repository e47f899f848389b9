using System.Text.Json;

namespace Headwater.AspNetCore;

/// <summary>What tells a client, on every transport, that it must begin anew.</summary>
internal static class ResetFrame
{
    public const string Name = "reset";

    /// <summary>Counts the reset, and makes its JSON.</summary>
    public static string Data(ResetReason reason, Cursor cursor) => $"{{\"reason\":\"{Count(reason)}\",\"cursor\":\"{cursor}\"}}";

    /// <summary>Counts the reset, and gives the reason its name on the wire.</summary>
    public static string Count(ResetReason reason)
    {
        var name = JsonNamingPolicy.KebabCaseLower.ConvertName(reason.ToString());
        Telemetry.Resets.Add(1, new KeyValuePair<string, object?>("headwater.reset.reason", name));
        return name;
    }
}
