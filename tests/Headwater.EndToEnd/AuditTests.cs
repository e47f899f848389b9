using System.Text;
using System.Text.RegularExpressions;

namespace Headwater.EndToEnd;

/// <summary>Real processes, real sockets, kill -9: every acknowledged event reaches every client exactly once, in order.</summary>
public sealed partial class AuditTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_thousand_clients_cut_off_every_two_seconds_get_20000_events_exactly_once_over_five_kills()
    {
        await using var server = await DeparturesServer.Start();
        var (verdict, log) = await Audit(server.Address, [server], clients: 1000, events: 20_000, kills: 5, Resume.AtLastEventId, TimeSpan.FromSeconds(2));
        Assert.True(verdict.IsExact, $"{verdict}");
        Assert.Equal(1000L * log.Count, verdict.Delivered);
        Assert.True(verdict.Connections > 3000, $"The clients were hardly ever cut off: {verdict}.");
    }

    [Fact]
    public async Task Behind_nginx_300_clients_of_three_nodes_on_one_PostgreSQL_get_5000_events_exactly_once_over_the_kill_of_a_node()
    {
        await using var cluster = await Cluster.Start();
        var (verdict, log) = await Audit(cluster.Address, cluster.Servers, clients: 300, events: 5000, kills: 1, Resume.AtLastEventId, TimeSpan.FromSeconds(2));
        Assert.True(verdict.IsExact, $"{verdict}");
        Assert.Equal(300L * log.Count, verdict.Delivered);
        Assert.True(verdict.Connections > 600, $"The clients were hardly ever cut off: {verdict}.");
    }

    [Theory]
    [InlineData("OneEventBack")]
    [InlineData("AtNow")]
    public async Task The_auditor_finds_a_broken_resume(string mistake)
    {
        await using var server = await DeparturesServer.Start();
        var (verdict, _) = await Audit(server.Address, [server], clients: 20, events: 3000, kills: 1, Enum.Parse<Resume>(mistake), TimeSpan.FromMilliseconds(200));
        Assert.False(verdict.IsExact, $"{verdict}");
        Assert.True(mistake == "AtNow" ? verdict.Lost > 0 : verdict.Duplicated > 0, $"{verdict}");
    }

    /// <param name="address">Where the clients and the writers go.</param>
    /// <param name="servers">The nodes that answer there, which are killed in turn.</param>
    private async Task<(Verdict Verdict, IReadOnlyList<int> Log)> Audit(
        Uri address, IReadOnlyList<DeparturesServer> servers, int clients, int events, int kills, Resume resume, TimeSpan meanLifetime)
    {
        using var timeUp = new CancellationTokenSource(TimeSpan.FromMinutes(8));
        using var http = new HttpClient(new SocketsHttpHandler { PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5) })
        {
            BaseAddress = address,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        var remarks = new Remarks(http, flights: 50);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(timeUp.Token);
        var audited = Enumerable.Range(0, clients)
            .Select(number => new AuditedClient(http, "/feeds/flights?after=start", new Random(number), resume, meanLifetime)).ToList();
        var running = audited.Select(client => client.Run(end.Token)).ToList();

        await remarks.Schedule(timeUp.Token);
        var writing = remarks.Write(events, writers: 32, timeUp.Token);
        for (var kill = 1; kill <= kills; kill++)
        {
            await Until(() => remarks.Acknowledged >= events * kill / (kills + 1), timeUp.Token);
            await servers[kill % servers.Count].Kill();
            await servers[kill % servers.Count].StartAgain();
        }

        await writing;
        var log = await ReadLog(http, events, timeUp.Token);
        var last = log[^1];
        var stall = new CancellationTokenSource(TimeSpan.FromSeconds(resume is Resume.AtLastEventId ? 240 : 5));
        try
        {
            await Until(() => audited.TrueForAll(client => client.At >= last), stall.Token);
        }
        catch (OperationCanceledException)
        {
            // The verdict says what is missing.
        }

        await end.CancelAsync();
        await Task.WhenAll(running);
        var verdict = Auditor.Judge(log, audited);
        output.WriteLine($"{verdict}");
        return (verdict, log);
    }

    /// <summary>Reads the whole feed once, undisturbed, and checks that each remark is in it once.</summary>
    private static async Task<IReadOnlyList<int>> ReadLog(HttpClient http, int events, CancellationToken cancel)
    {
        var positions = new List<int>();
        var numbers = new HashSet<int>();
        using var response = await http.GetAsync("/feeds/flights?after=start", HttpCompletionOption.ResponseHeadersRead, cancel);
        var blocks = new BlockReader(await response.Content.ReadAsStreamAsync(cancel));
        while (numbers.Count < events)
        {
            var block = (await blocks.Next(cancel)).ToArray();
            if (BlockReader.Field(block, "event: "u8).IsEmpty)
                continue;
            positions.Add(BlockReader.PositionOf(BlockReader.Field(block, "id: "u8)));
            if (Number().Match(Encoding.UTF8.GetString(block)) is { Success: true } match)
                Assert.True(numbers.Add(int.Parse(match.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture)),
                    $"Remark {match.Value} stands twice in the log.");
        }

        return positions;
    }

    /// <summary>Looks again and again; what is waited for happens in another process, which cannot wake us.</summary>
    private static async Task Until(Func<bool> isSo, CancellationToken cancel)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!isSo())
            await pause.WaitForNextTickAsync(cancel);
    }

    [GeneratedRegex("#(\\d+)#")]
    private static partial Regex Number();
}
