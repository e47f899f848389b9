using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Playwright;

namespace Headwater.EndToEnd;

/// <summary>The demo as a newcomer starts it.</summary>
public sealed class DemoTests
{
    private const int Interrupt = 2, Terminate = 15;

    [Fact]
    public async Task It_answers_and_leaves_nothing_behind_when_it_is_ended()
    {
        using var timeUp = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        await using var demo = await Demo.Start("", timeUp.Token);
        using var http = new HttpClient { BaseAddress = demo.Address };
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/health", timeUp.Token)).StatusCode);
        Assert.Contains("<title>", await http.GetStringAsync("/", timeUp.Token), StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(demo.Folder, "data", "departures.db")));
        Assert.NotEmpty(demo.Processes());

        await demo.End(Terminate, timeUp.Token);

        Assert.Empty(demo.Processes());
    }

    [Fact]
    public async Task With_three_nodes_an_open_page_goes_on_when_its_node_is_killed_and_that_node_comes_back()
    {
        using var timeUp = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        await using var demo = await Demo.Start("--postgres --nodes 3", timeUp.Token);
        await using (var board = await BoardPage.Open(demo.Address))
        {
            await board.Page.EvaluateAsync("() => { window.sameDocument = true; }");
            var killed = await ServingNode(demo, timeUp.Token);
            demo.KillNode(killed);

            Assert.NotEqual(killed, await ServingNode(demo, timeUp.Token, otherThan: killed));
            await board.Live();
            await board.Command("T1", "gate", new { gate = "A1" });
            await Assertions.Expect(board.Row("T1").Locator(".gate")).ToContainTextAsync("A1", new() { Timeout = 30_000 });
            Assert.True(await board.Page.EvaluateAsync<bool>("() => window.sameDocument === true"), "The page was loaded anew.");
            await board.Screenshot("nodes");
            using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
            while (await Health(demo, killed, timeUp.Token) is null)
                await pause.WaitForNextTickAsync(timeUp.Token);
        }

        await demo.End(Interrupt, timeUp.Token);

        Assert.Empty(demo.Processes());
        Assert.Empty(Directory.GetDirectories(demo.Folder, "headwater-demo.*"));
    }

    [Theory]
    [InlineData("--nonsense", "Unknown argument: --nonsense")]
    [InlineData("--nodes 3", "--nodes goes with --postgres")]
    [InlineData("--postgres --nodes", "--nodes is ''")]
    [InlineData("--postgres --nodes=many", "--nodes is 'many'")]
    public async Task Arguments_that_make_no_sense_are_named_and_usage_is_shown(string arguments, string expected)
    {
        using var demo = Process.Start(new ProcessStartInfo("bash", ["./demo.sh", .. arguments.Split(' ')])
        {
            WorkingDirectory = Places.Repository,
            RedirectStandardError = true,
        })!;
        var errors = await demo.StandardError.ReadToEndAsync();
        await demo.WaitForExitAsync();
        Assert.Equal(2, demo.ExitCode);
        Assert.StartsWith(expected, errors, StringComparison.Ordinal);
        Assert.Contains("Usage:", errors, StringComparison.Ordinal);
    }

    /// <summary>The number of the node that has the page's connection, which is the only one there is.</summary>
    private static async Task<int> ServingNode(Demo demo, CancellationToken cancel, int? otherThan = null)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (true)
        {
            for (var node = 1; node <= 3; node++)
                if (node != otherThan && await Health(demo, node, cancel) is { } health && health.GetProperty("feedConnections").GetInt32() > 0)
                    return node;
            await pause.WaitForNextTickAsync(cancel);
        }
    }

    private static async Task<JsonElement?> Health(Demo demo, int node, CancellationToken cancel)
    {
        using var http = new HttpClient { BaseAddress = demo.AddressOf(node) };
        try
        {
            return await http.GetFromJsonAsync<JsonElement>("/health/detail", cancel);
        }
        catch (HttpRequestException)
        {
            // It was killed, or is not ready yet.
            return null;
        }
    }
}
