using System.Diagnostics;
using System.Globalization;

namespace Headwater.Bench;

/// <summary>What something cost its process, and the server.</summary>
internal readonly record struct ServedCost(Cost Client, double ServerMicros)
{
    // The kernel counts in hundredths of a second.
    private const double MicrosPerTick = 10_000;

    /// <summary>Of the processors, by client and server, for each of what was counted.</summary>
    public double Micros => Client.ProcessorMicros + ServerMicros;

    public static async Task<ServedCost> Of(int server, int count, Process? client, Func<Task> work)
    {
        var before = Ticks(server);
        var cost = await Cost.Of(count, work, client);
        return new ServedCost(cost, (Ticks(server) - before) * MicrosPerTick / count);
    }

    /// <summary>The processor time of a process, of its children, and of those that have ended.</summary>
    private static long Ticks(int parent)
    {
        var ticks = 0L;
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(folder => char.IsAsciiDigit(folder[^1])))
        {
            try
            {
                var text = File.ReadAllText(Path.Combine(folder, "stat"));
                var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
                var isServer = Path.GetFileName(folder) == parent.ToString(CultureInfo.InvariantCulture);
                if (isServer || fields[1] == parent.ToString(CultureInfo.InvariantCulture))
                    ticks += fields[(11)..(isServer ? 15 : 13)].Sum(field => long.Parse(field, CultureInfo.InvariantCulture));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile, and stands among the server's ended children.
            }
        }

        return ticks;
    }
}
