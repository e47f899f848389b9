using System.Net.Http.Json;
using Microsoft.Playwright;

namespace Headwater.EndToEnd;

/// <summary>The page of the sample in a real browser, against the real server.</summary>
public sealed class BrowserTests : IAsyncLifetime
{
    private static readonly string[] arguments =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
    ];

    private readonly List<string> mistakes = [];
    private DeparturesServer server = null!;
    private HttpClient http = null!;
    private IPlaywright playwright = null!;
    private IBrowser browser = null!;
    private IPage page = null!;

    public async ValueTask InitializeAsync()
    {
        server = await DeparturesServer.Start();
        http = new HttpClient { BaseAddress = server.Address };
        playwright = await Playwright.CreateAsync();
        browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = "/usr/bin/chromium", Args = arguments });
        page = await browser.NewPageAsync(new() { ViewportSize = new() { Width = 1440, Height = 1000 } });
        page.PageError += (_, error) => mistakes.Add(error);
        for (var i = 1; i <= 5; i++)
            await Command($"T{i}", "schedule", new { origin = "ATL", destination = "BOS", scheduled = $"2001-01-01T{5 + i:00}:30:00Z", distance = 946 });
        await page.GotoAsync($"{server.Address}#ATL");
        await Live();
        await Assertions.Expect(page.Locator("#board tbody tr[data-flight]")).ToHaveCountAsync(5);
    }

    public async ValueTask DisposeAsync()
    {
        await browser.CloseAsync();
        playwright.Dispose();
        http.Dispose();
        await server.DisposeAsync();
        Assert.Empty(mistakes);
    }

    [Fact]
    public async Task A_change_is_on_the_board_without_a_reload()
    {
        await Command("T3", "gate", new { gate = "C7" });
        await Assertions.Expect(Row("T3").Locator(".gate")).ToContainTextAsync("C7");
        await Command("T4", "cancel", new { reason = "fog" });
        await Assertions.Expect(Row("T4")).ToHaveAttributeAsync("data-status", "cancelled");
        await Screenshot("board");
    }

    [Fact]
    public async Task The_page_goes_on_where_it_was_after_the_server_was_killed()
    {
        await page.EvaluateAsync("() => { window.sameDocument = true; }");
        await Command("T1", "gate", new { gate = "A1" });
        await Assertions.Expect(Row("T1").Locator(".gate")).ToContainTextAsync("A1");

        await server.Kill();
        await Assertions.Expect(page.Locator("#connection")).ToHaveAttributeAsync("data-state", "reconnecting");
        await Screenshot("reconnecting");
        await server.StartAgain();
        await Command("T2", "gate", new { gate = "B2" });

        await Assertions.Expect(page.Locator("#connection")).ToHaveAttributeAsync("data-state", "live", new() { Timeout = 30_000 });
        await Assertions.Expect(Row("T2").Locator(".gate")).ToContainTextAsync("B2");
        await Assertions.Expect(Row("T1").Locator(".gate")).ToContainTextAsync("A1");
        Assert.True(await page.EvaluateAsync<bool>("() => window.sameDocument === true"), "The page was loaded anew.");
    }

    [Fact]
    public async Task A_dropped_connection_resumes_and_catches_up()
    {
        await Command("T1", "gate", new { gate = "A1" });
        await Assertions.Expect(Row("T1").Locator(".gate")).ToContainTextAsync("A1");
        await page.Locator("#drop").ClickAsync();
        await Assertions.Expect(page.Locator("#connection")).ToHaveAttributeAsync("data-state", "dropped");
        for (var i = 1; i <= 5; i++)
            await Command($"T{i}", "gate", new { gate = $"D{i}" });
        await Assertions.Expect(Row("T5").Locator(".gate")).Not.ToContainTextAsync("D5");

        await page.Locator("#drop").ClickAsync();
        for (var i = 1; i <= 5; i++)
            await Assertions.Expect(Row($"T{i}").Locator(".gate")).ToContainTextAsync($"D{i}");
        await Assertions.Expect(page.Locator("#caught-up")).ToHaveAttributeAsync("data-changes", "5");
        await Screenshot("resumed");
    }

    [Fact]
    public async Task A_flight_is_shown_as_of_any_of_its_events_and_can_be_changed()
    {
        await Command("T2", "gate", new { gate = "A1" });
        await Command("T2", "gate", new { gate = "A2" });
        await Row("T2").ClickAsync();
        await Assertions.Expect(page.Locator("#timeline li[data-event]")).ToHaveCountAsync(3);

        await page.Locator("#asof").FillAsync("1");
        await Assertions.Expect(page.Locator("#asof-text")).ToContainTextAsync("2 of 3");
        await Assertions.Expect(page.Locator("#flight")).ToContainTextAsync("A1");
        await Screenshot("flight");

        var form = page.Locator("form[data-command=gate]");
        await form.Locator("input").First.FillAsync("B9");
        await form.Locator("button").First.ClickAsync();
        await Assertions.Expect(form).ToHaveAttributeAsync("data-state", "done");
        await Assertions.Expect(Row("T2").Locator(".gate")).ToContainTextAsync("B9");
    }

    [Fact]
    public async Task It_is_as_readable_in_the_dark_and_on_a_phone()
    {
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await Screenshot("dark");
        await page.SetViewportSizeAsync(390, 844);
        Assert.True(await page.EvaluateAsync<bool>("() => document.documentElement.scrollWidth <= innerWidth"), "The page scrolls sideways on a phone.");
        await Screenshot("phone");
    }

    private ILocator Row(string flight) => page.Locator($"#board tbody tr[data-flight={flight}]");

    private Task Live() => Assertions.Expect(page.Locator("#connection")).ToHaveAttributeAsync("data-state", "live", new() { Timeout = 30_000 });

    private async Task Command<T>(string flight, string command, T body)
    {
        using var response = await http.PostAsJsonAsync($"/flights/{flight}/{command}", body);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Kept, so that a person can look at them.</summary>
    private async Task Screenshot(string name) =>
        await page.ScreenshotAsync(new() { Path = Path.Combine(Places.Repository, "artifacts", "screenshots", $"{name}.png") });
}
