using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Npgsql;

namespace Headwater.Bench;

/// <summary>Follows what a writer appends, and says when it has seen each event.</summary>
internal static class LatencyFollower
{
    /// <summary>The schema of the rows that are told of by NOTIFY, and the name they are told under.</summary>
    public const string BareSchema = "bare";

    private static readonly ConcurrentDictionary<int, long> seen = [];

    /// <param name="args">What follows, "headwater" or "bare", and the connection string.</param>
    public static async Task Run(string[] args)
    {
        await using var application = args[0] == "bare" ? null : await Application.Start(headwater => Latency.Declare(headwater, args[1]));
        var following = new List<Task> { application is null ? await Listen(args[1]) : await Follow(application.Get<Log>(), See) };
        while (await Console.In.ReadLineAsync() is { } line)
        {
            var number = line.Split(' ') is [_, var word] ? int.Parse(word, CultureInfo.InvariantCulture) : 0;
            Console.WriteLine(line.Split(' ')[0] switch
            {
                "seen" => await Seen(number),
                "readers" => await Join(application!.Get<Log>(), number),
                _ => "ready",
            });
            if (following.Find(task => task.IsFaulted) is { } broken)
                await broken;
        }

        async Task<string> Join(Log log, int readers)
        {
            for (var i = 0; i < readers; i++)
                following.Add(await Follow(log, static _ => { }));
            return "joined";
        }
    }

    private static async Task<Task> Follow(Log log, Action<Measured.Moved> see)
    {
        var start = (await log.Head()).Position;
        return Task.Run(async () =>
        {
            await foreach (var page in log.Follow(new LogFilter.Category("flight"), start))
                foreach (var happened in page.Events)
                    see((Measured.Moved)happened.Event);
        });
    }

    private static async Task<Task> Listen(string connectionString)
    {
        var source = NpgsqlDataSource.Create(connectionString);
        var listening = await source.OpenConnectionAsync();
        var told = new Queue<long>();
        listening.Notification += (_, notification) => told.Enqueue(long.Parse(notification.Payload, CultureInfo.InvariantCulture));
        await using var listen = new NpgsqlCommand($"LISTEN {BareSchema}", listening);
        await listen.ExecuteNonQueryAsync();
        return Task.Run(async () =>
        {
            while (true)
            {
                while (told.TryDequeue(out var position))
                {
                    await using var command = source.CreateCommand($"SELECT data FROM {BareSchema}.events WHERE position = $1");
                    command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = position });
                    See(JsonSerializer.Deserialize((string)(await command.ExecuteScalarAsync())!, MeasuredJson.Default.Moved)!);
                }

                await listening.WaitAsync();
            }
        });
    }

    private static void See(Measured.Moved moved) => seen[int.Parse(moved.Flight.AsSpan(2), CultureInfo.InvariantCulture)] = Stopwatch.GetTimestamp();

    private static async Task<string> Seen(int last)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!seen.ContainsKey(last))
            await pause.WaitForNextTickAsync();
        var all = string.Join(' ', seen.Select(each => $"{each.Key}:{each.Value}"));
        seen.Clear();
        return all;
    }
}
