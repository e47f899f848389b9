using System.Text;
using System.Text.RegularExpressions;

namespace Headwater.EndToEnd;

/// <summary>Real processes, real sockets, kill -9: every acknowledged event reaches every client exactly once, in order.</summary>
public sealed partial class AuditTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_thousand_clients_cut_off_every_two_seconds_get_20000_events_exactly_once_over_five_kills()
    {
        var (verdict, log) = await Audit(clients: 1000, events: 20_000, kills: 5, Resume.AtLastEventId, TimeSpan.FromSeconds(2));
        Assert.True(verdict.IsExact, $"{verdict}");
        Assert.Equal(1000L * log.Count, verdict.Delivered);
        Assert.True(verdict.Connections > 3000, $"The clients were hardly ever cut off: {verdict}.");
    }

    [Theory]
    [InlineData("OneEventBack")]
    [InlineData("AtNow")]
    public async Task The_auditor_finds_a_broken_resume(string mistake)
    {
        var (verdict, _) = await Audit(clients: 20, events: 3000, kills: 1, Enum.Parse<Resume>(mistake), TimeSpan.FromMilliseconds(200));
        Assert.False(verdict.IsExact, $"{verdict}");
        Assert.True(mistake == "AtNow" ? verdict.Lost > 0 : verdict.Duplicated > 0, $"{verdict}");
    }

    private async Task<(Verdict Verdict, IReadOnlyList<int> Log)> Audit(int clients, int events, int kills, Resume resume, TimeSpan meanLifetime)
    {
        using var timeUp = new CancellationTokenSource(TimeSpan.FromMinutes(8));
        await using var server = await DeparturesServer.Start();
        using var http = new HttpClient(new SocketsHttpHandler { PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5) })
        {
            BaseAddress = server.Address,
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
            await server.Kill();
            await server.StartAgain();
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
