using System.Reflection;

namespace Headwater.EndToEnd;

/// <summary>Where the build put things.</summary>
internal static class Places
{
    public static string Departures => Metadata("Departures");

    public static string Repository => Metadata("Repository");

    private static string Metadata(string key) => Path.GetFullPath(
        typeof(Places).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!);
}
