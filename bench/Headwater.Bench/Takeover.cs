using System.Diagnostics;
using System.Globalization;
using Headwater.Postgres.Servers;

namespace Headwater.Bench;

/// <summary>How long a projection stands still on PostgreSQL when the node that runs it is killed, until another one goes on with it.</summary>
internal static class Takeover
{
    public static async Task<bool> Run(string[] args)
    {
        var times = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 5;
        await using var server = await DurableServer.Start();
        var duration = new HeadwaterOptions().LeaseDuration;
        Console.WriteLine($"two nodes, each a process; leases of {duration.TotalSeconds:N0} s, the default; the owner is killed with SIGKILL while it is up to date");
        await using var application = Application.Build(headwater => Rebuild.Declare(headwater.UsePostgres(server.ConnectionString())));
        var (log, rows, appended) = (application.Get<Log>(), application.Get<IReadModelStore>(), 0);
        var nodes = new List<Child> { await Node(server), await Node(server) };
        var gaps = new List<TimeSpan>();
        try
        {
            await AppendAndSeeInTheRow();
            for (var time = 1; time <= times; time++)
            {
                var ownerId = await Owner(server);
                var owner = nodes.Single(node => node.Process.Id == ownerId);

                // The owner has renewed its lease at some time of the last third of its duration; kills at all of these are alike.
                await Task.Delay(duration / 3 * Random.Shared.NextDouble());
                var killed = Stopwatch.GetTimestamp();
                owner.Process.Kill();
                await AppendAndSeeInTheRow();
                gaps.Add(Stopwatch.GetElapsedTime(killed));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"kill {time}: {gaps[^1].TotalSeconds:N2} s until a row is written by the other node"));
                nodes.Remove(owner);
                await owner.DisposeAsync();
                nodes.Add(await Node(server));
            }
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }

        // A lease may have been renewed right before the kill, and others ask for it three times per duration.
        var (median, bar) = (gaps.Order().ElementAt(times / 2), duration * 4 / 3);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"median of {times}: {median.TotalSeconds:N2} s, bar {bar.TotalSeconds:N2} s: {(median <= bar ? "PASS" : "FAIL")}"));
        return median <= bar;

        async Task AppendAndSeeInTheRow()
        {
            await log.Append(new StreamId("counter", $"{appended}"), ExpectedVersion.None, [new CounterEvent.Added(1, "")]);
            using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
            while ((await rows.ReadRow("totals", $"{appended}", CancellationToken.None)).Rows.Count == 0)
                await pause.WaitForNextTickAsync();
            appended++;
        }
    }

    /// <summary>A node, until nothing more can be told to its process.</summary>
    public static async Task RunNode(string[] args)
    {
        await using var application = await Application.Start(headwater => Rebuild.Declare(headwater.UsePostgres(args[0])));
        while (await Console.In.ReadLineAsync() is not null)
            Console.WriteLine("ready");
    }

    private static async Task<Child> Node(PostgresServer server)
    {
        var node = Child.Part("takeover-node", server.ConnectionString());
        await node.Tell("ready");
        return node;
    }

    /// <returns>The id of the process that runs the projection.</returns>
    private static async Task<int> Owner(PostgresServer server) => (int)(await server.Execute(
        "SELECT n.process_id FROM headwater.leases l JOIN headwater.nodes n ON n.id = l.owner WHERE l.name = 'totals' AND l.expires_at > clock_timestamp()"))!;
}
