using System.Globalization;

namespace Headwater.AspNetCore;

/// <summary>What tells a client, on every transport that keeps it waiting, that its sign-in expires and its connection with it.</summary>
internal static class ExpiringFrame
{
    public const string Name = "expiring";

    public static string Data(DateTimeOffset at) => $"{{\"at\":\"{Text(at)}\"}}";

    public static string Text(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
