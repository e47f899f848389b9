using System.Net.Http.Json;
using Microsoft.Playwright;

namespace Headwater.EndToEnd;

/// <summary>The board in a real browser, with five flights of its own on it.</summary>
internal sealed class BoardPage : IAsyncDisposable
{
    public const int Flights = 5;

    private static readonly string[] arguments =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
    ];

    private readonly List<string> mistakes = [];
    private readonly HttpClient http;
    private readonly IPlaywright playwright;
    private readonly IBrowser browser;

    private BoardPage(HttpClient http, IPlaywright playwright, IBrowser browser, IPage page)
    {
        (this.http, this.playwright, this.browser, Page) = (http, playwright, browser, page);
        Page.PageError += (_, error) => mistakes.Add(error);
    }

    public IPage Page { get; }

    public static async Task<BoardPage> Open(Uri address)
    {
        var playwright = await Playwright.CreateAsync();
        var browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = "/usr/bin/chromium", Args = arguments });
        var page = await browser.NewPageAsync(new() { ViewportSize = new() { Width = 1440, Height = 1000 } });
        var board = new BoardPage(new HttpClient { BaseAddress = address }, playwright, browser, page);
        for (var i = 1; i <= Flights; i++)
            await board.Command($"T{i}", "schedule", new { origin = "ATL", destination = "BOS", scheduled = $"2001-01-01T{5 + i:00}:30:00Z", distance = 946 });
        await page.GotoAsync($"{address}#ATL");
        await board.Live();
        await Assertions.Expect(page.Locator("#board tbody tr[data-flight]")).ToHaveCountAsync(Flights);
        return board;
    }

    public ILocator Row(string flight) => Page.Locator($"#board tbody tr[data-flight={flight}]");

    public Task Live() => Assertions.Expect(Page.Locator("#connection")).ToHaveAttributeAsync("data-state", "live", new() { Timeout = 30_000 });

    /// <summary>Has somebody else change a flight.</summary>
    public async Task Command<T>(string flight, string command, T body)
    {
        using var response = await http.PostAsJsonAsync($"/flights/{flight}/{command}", body);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Kept, so that a person can look at them.</summary>
    public async Task Screenshot(string name) =>
        await Page.ScreenshotAsync(new() { Path = Path.Combine(Places.Repository, "artifacts", "screenshots", $"{name}.png") });

    public async ValueTask DisposeAsync()
    {
        await browser.CloseAsync();
        playwright.Dispose();
        http.Dispose();
        Assert.Empty(mistakes);
    }
}
