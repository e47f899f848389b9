using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Headwater.EndToEnd;

/// <summary>Real processes, real sockets, kill -9: every acknowledged event reaches every client exactly once, in order.</summary>
public sealed partial class AuditTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_thousand_clients_cut_off_every_two_seconds_get_20000_events_exactly_once_over_five_kills()
    {
        await using var server = await DeparturesServer.Start();
        var (verdict, log) = await Audit(
            server.Address, () => KillAndStart(server), clients: 1000, flights: 50, events: 20_000, kills: 5, Resume.AtLastEventId, TimeSpan.FromSeconds(2));
        Assert.True(verdict.IsExact, $"{verdict}");
        Assert.Equal(1000L * log.Positions.Count, verdict.Delivered);
        Assert.True(verdict.Connections > 3000, $"The clients were hardly ever cut off: {verdict}.");
    }

    [Fact]
    public async Task Behind_nginx_clients_of_three_nodes_get_every_event_exactly_once_over_the_kill_of_the_one_that_runs_the_projections()
    {
        // A lease that is not renewed is over after 5 s, and others ask for it three times in that time; the rest is for a busy machine.
        var bound = TimeSpan.FromSeconds(5) * 4 / 3 + TimeSpan.FromSeconds(5);
        await using var cluster = await Cluster.Start();
        var (verdict, log) = await Audit(cluster.Address, async () =>
        {
            var owner = await cluster.OwnerOf("board");
            var clock = Stopwatch.StartNew();
            await owner.Kill();
            await Until(async () => await cluster.OwnerOf("board", otherThan: owner) is not null, new CancellationTokenSource(TimeSpan.FromMinutes(1)).Token);
            output.WriteLine($"Another node ran the projections {clock.Elapsed.TotalSeconds:0.0} s after the kill.");
            Assert.True(clock.Elapsed < bound, $"The projections stood still for {clock.Elapsed}.");
            await owner.StartAgain();
        }, clients: 50, flights: 20, events: 3000, kills: 1, Resume.AtLastEventId, TimeSpan.FromSeconds(2));
        Assert.True(verdict.IsExact, $"{verdict}");
        Assert.Equal(50L * log.Positions.Count, verdict.Delivered);
        Assert.True(verdict.Connections > 150, $"The clients were hardly ever cut off: {verdict}.");
        foreach (var server in cluster.Servers)
            await AssertBoard(server, log);
    }

    [Theory]
    [InlineData("OneEventBack")]
    [InlineData("AtNow")]
    public async Task The_auditor_finds_a_broken_resume(string mistake)
    {
        await using var server = await DeparturesServer.Start();
        var (verdict, _) = await Audit(
            server.Address, () => KillAndStart(server), clients: 20, flights: 50, events: 3000, kills: 1, Enum.Parse<Resume>(mistake), TimeSpan.FromMilliseconds(200));
        Assert.False(verdict.IsExact, $"{verdict}");
        Assert.True(mistake == "AtNow" ? verdict.Lost > 0 : verdict.Duplicated > 0, $"{verdict}");
    }

    private async Task<(Verdict Verdict, WholeFeed Log)> Audit(
        Uri address, Func<Task> kill, int clients, int flights, int events, int kills, Resume resume, TimeSpan meanLifetime)
    {
        using var timeUp = new CancellationTokenSource(TimeSpan.FromMinutes(8));
        using var http = new HttpClient(new SocketsHttpHandler { PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5) })
        {
            BaseAddress = address,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        var remarks = new Remarks(http, flights);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(timeUp.Token);
        var audited = Enumerable.Range(0, clients)
            .Select(number => new AuditedClient(http, "/feeds/flights?after=start", new Random(number), resume, meanLifetime)).ToList();
        var running = audited.Select(client => client.Run(end.Token)).ToList();

        await remarks.Schedule(timeUp.Token);
        var writing = remarks.Write(events, writers: 32, timeUp.Token);
        for (var turn = 1; turn <= kills; turn++)
        {
            await Until(() => remarks.Acknowledged >= events * turn / (kills + 1), timeUp.Token);
            await kill();
        }

        await writing;
        var log = await ReadLog(http, events, timeUp.Token);
        var last = log.Positions[^1];
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
        var verdict = Auditor.Judge(log.Positions, audited);
        output.WriteLine($"{verdict}");
        return (verdict, log);
    }

    private static async Task KillAndStart(DeparturesServer server)
    {
        await server.Kill();
        await server.StartAgain();
    }

    /// <summary>Reads the whole feed once, undisturbed, and checks that each remark is in it once.</summary>
    private static async Task<WholeFeed> ReadLog(HttpClient http, int events, CancellationToken cancel)
    {
        var log = new WholeFeed([], [], "");
        var numbers = new HashSet<int>();
        using var response = await http.GetAsync("/feeds/flights?after=start", HttpCompletionOption.ResponseHeadersRead, cancel);
        var blocks = new BlockReader(await response.Content.ReadAsStreamAsync(cancel));
        while (numbers.Count < events)
        {
            var block = (await blocks.Next(cancel)).ToArray();
            if (BlockReader.Field(block, "event: "u8).IsEmpty)
                continue;
            log.Add(block);
            if (Number().Match(log.LastRemark) is { Success: true } match)
                Assert.True(numbers.Add(int.Parse(match.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture)),
                    $"Remark {match.Value} stands twice in the log.");
        }

        return log;
    }

    /// <summary>That a node's read model is what the events amount to.</summary>
    private static async Task AssertBoard(DeparturesServer server, WholeFeed log)
    {
        using var http = new HttpClient { BaseAddress = server.Address };
        foreach (var (flight, (version, remark)) in log.Flights)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/board/{flight}");
            request.Headers.Add("Headwater-At-Least", log.Cursor);
            request.Headers.Add("Prefer", "wait=10");
            using var response = await http.SendAsync(request);
            Assert.False(response.Headers.Contains("Headwater-Stale"), $"The board of {server.Address} is behind.");
            var row = await response.Content.ReadFromJsonAsync<JsonElement>();
            Assert.Equal((version, remark), (row.GetProperty("version").GetInt64(), row.GetProperty("remark").GetString()));
        }
    }

    /// <summary>Looks again and again; what is waited for happens in another process, which cannot wake us.</summary>
    private static async Task Until(Func<Task<bool>> isSo, CancellationToken cancel)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!await isSo())
            await pause.WaitForNextTickAsync(cancel);
    }

    private static Task Until(Func<bool> isSo, CancellationToken cancel) => Until(() => Task.FromResult(isSo()), cancel);

    [GeneratedRegex("#(\\d+)#")]
    private static partial Regex Number();
}
