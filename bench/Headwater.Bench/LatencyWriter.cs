using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Npgsql;

namespace Headwater.Bench;

/// <summary>Appends one event after the other at a rate, and says when each append was called and returned.</summary>
internal static class LatencyWriter
{
    /// <param name="args">What appends, "headwater" or "bare", and the connection string.</param>
    public static async Task Run(string[] args)
    {
        await using var application = Application.Build(headwater => Latency.Declare(headwater, args[1]));
        await using var source = NpgsqlDataSource.Create(args[1]);
        var log = application.Get<Log>();
        var bare = new BareInserts(source, LatencyFollower.BareSchema);
        while (await Console.In.ReadLineAsync() is { } line)
        {
            var (first, last, rate) = line.Split(' ').Select(word => int.Parse(word, CultureInfo.InvariantCulture)).ToArray() is [var a, var b, var c] ? (a, b, c) : default;
            using var pace = new PeriodicTimer(TimeSpan.FromSeconds(1) / rate);
            var written = new List<string>();
            for (var i = first; i < last; i++)
            {
                await pace.WaitForNextTickAsync();
                var stream = new StreamId("flight", i.ToString("x8", CultureInfo.InvariantCulture));
                var called = Stopwatch.GetTimestamp();
                if (args[0] == "bare")
                    await bare.Append(stream, JsonSerializer.SerializeToUtf8Bytes(Measured.Number(i), MeasuredJson.Default.Moved), LatencyFollower.BareSchema);
                else
                    await log.Append(stream, ExpectedVersion.None, [Measured.Number(i)]);
                written.Add($"{i}:{called}:{Stopwatch.GetTimestamp()}");
            }

            Console.WriteLine(string.Join(' ', written));
        }
    }
}
