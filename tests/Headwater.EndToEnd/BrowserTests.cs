using Microsoft.Playwright;

namespace Headwater.EndToEnd;

/// <summary>The page of the sample in a real browser, against the real server.</summary>
public sealed class BrowserTests : IAsyncLifetime
{
    private DeparturesServer server = null!;
    private BoardPage board = null!;

    private IPage Page => board.Page;

    public async ValueTask InitializeAsync()
    {
        server = await DeparturesServer.Start();
        board = await BoardPage.Open(server.Address);
    }

    public async ValueTask DisposeAsync()
    {
        await board.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_change_is_on_the_board_without_a_reload()
    {
        await board.Command("T3", "gate", new { gate = "C7" });
        await Assertions.Expect(board.Row("T3").Locator(".gate")).ToContainTextAsync("C7");
        await board.Command("T4", "cancel", new { reason = "fog" });
        await Assertions.Expect(board.Row("T4")).ToHaveAttributeAsync("data-status", "cancelled");
        await board.Screenshot("board");
    }

    [Fact]
    public async Task The_page_goes_on_where_it_was_after_the_server_was_killed()
    {
        await Page.EvaluateAsync("() => { window.sameDocument = true; }");
        await board.Command("T1", "gate", new { gate = "A1" });
        await Assertions.Expect(board.Row("T1").Locator(".gate")).ToContainTextAsync("A1");

        await server.Kill();
        await Assertions.Expect(Page.Locator("#connection")).ToHaveAttributeAsync("data-state", "reconnecting");
        await board.Screenshot("reconnecting");
        await server.StartAgain();
        await board.Command("T2", "gate", new { gate = "B2" });

        await Assertions.Expect(Page.Locator("#connection")).ToHaveAttributeAsync("data-state", "live", new() { Timeout = 30_000 });
        await Assertions.Expect(board.Row("T2").Locator(".gate")).ToContainTextAsync("B2");
        await Assertions.Expect(board.Row("T1").Locator(".gate")).ToContainTextAsync("A1");
        Assert.True(await Page.EvaluateAsync<bool>("() => window.sameDocument === true"), "The page was loaded anew.");
    }

    [Fact]
    public async Task A_dropped_connection_resumes_and_catches_up()
    {
        await board.Command("T1", "gate", new { gate = "A1" });
        await Assertions.Expect(board.Row("T1").Locator(".gate")).ToContainTextAsync("A1");
        await Page.Locator("#drop").ClickAsync();
        await Assertions.Expect(Page.Locator("#connection")).ToHaveAttributeAsync("data-state", "dropped");
        for (var i = 1; i <= 5; i++)
            await board.Command($"T{i}", "gate", new { gate = $"D{i}" });
        await Assertions.Expect(board.Row("T5").Locator(".gate")).Not.ToContainTextAsync("D5");

        await Page.Locator("#drop").ClickAsync();
        for (var i = 1; i <= 5; i++)
            await Assertions.Expect(board.Row($"T{i}").Locator(".gate")).ToContainTextAsync($"D{i}");
        await Assertions.Expect(Page.Locator("#caught-up")).ToHaveAttributeAsync("data-changes", "5");
        await board.Screenshot("resumed");
    }

    [Fact]
    public async Task A_flight_is_shown_as_of_any_of_its_events_and_can_be_changed()
    {
        await board.Command("T2", "gate", new { gate = "A1" });
        await board.Command("T2", "gate", new { gate = "A2" });
        await board.Row("T2").ClickAsync();
        await Assertions.Expect(Page.Locator("#timeline li[data-event]")).ToHaveCountAsync(3);

        await Page.Locator("#asof").FillAsync("1");
        await Assertions.Expect(Page.Locator("#asof-text")).ToContainTextAsync("2 of 3");
        await Assertions.Expect(Page.Locator("#flight")).ToContainTextAsync("A1");
        await board.Screenshot("flight");

        var form = Page.Locator("form[data-command=gate]");
        await form.Locator("input").First.FillAsync("B9");
        await form.Locator("button").First.ClickAsync();
        await Assertions.Expect(form).ToHaveAttributeAsync("data-state", "done");
        await Assertions.Expect(board.Row("T2").Locator(".gate")).ToContainTextAsync("B9");
    }

    [Fact]
    public async Task It_is_as_readable_in_the_dark_and_on_a_phone()
    {
        await Page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await board.Screenshot("dark");
        await Page.SetViewportSizeAsync(390, 844);
        Assert.True(await Page.EvaluateAsync<bool>("() => document.documentElement.scrollWidth <= innerWidth"), "The page scrolls sideways on a phone.");
        await board.Screenshot("phone");
    }
}
