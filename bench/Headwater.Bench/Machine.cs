using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Headwater.Bench;

/// <summary>What a figure depends on besides the code.</summary>
internal static class Machine
{
    public static string Describe()
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection("Data Source=:memory:");
        connection.Open();
        return $"{Environment.ProcessorCount} cores, {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription.Trim()}, "
            + $"SQLite {connection.ServerVersion}, fsync {MedianFsync().TotalMicroseconds:N0} µs in {Path.GetTempPath()} ({new DriveInfo(Path.GetTempPath()).DriveFormat})";
    }

    /// <summary>How long the disk takes to keep a page.</summary>
    public static TimeSpan MedianFsync()
    {
        var path = Path.GetTempFileName();
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.None, 4096, FileOptions.DeleteOnClose);
        var page = new byte[4096];
        var times = new List<TimeSpan>();
        for (var i = 0; i < 200; i++)
        {
            file.Write(page);
            var started = Stopwatch.GetTimestamp();
            file.Flush(flushToDisk: true);
            times.Add(Stopwatch.GetElapsedTime(started));
        }

        return times.Order().ElementAt(times.Count / 2);
    }
}

/// <summary>How long something took, and how much of the processors.</summary>
internal readonly record struct Cost(TimeSpan Elapsed, TimeSpan Processor, int Count)
{
    public double Rate => Count / Elapsed.TotalSeconds;

    public double ProcessorMicros => Processor.TotalMicroseconds / Count;

    /// <param name="count">How many times the work does what it does.</param>
    /// <param name="work">The work.</param>
    /// <param name="client">The process that does it; this one by default.</param>
    public static async Task<Cost> Of(int count, Func<Task> work, Process? client = null)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        using var own = Process.GetCurrentProcess();
        var process = client ?? own;
        process.Refresh();
        var (processor, started) = (process.TotalProcessorTime, Stopwatch.GetTimestamp());
        await work();
        var elapsed = Stopwatch.GetElapsedTime(started);
        process.Refresh();
        return new Cost(elapsed, process.TotalProcessorTime - processor, count);
    }

    public static Cost Median(IEnumerable<Cost> costs)
    {
        var sorted = costs.OrderBy(cost => cost.Elapsed).ToList();
        return sorted[sorted.Count / 2];
    }
}
