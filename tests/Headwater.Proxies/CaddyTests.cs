using System.Net;
using Microsoft.Playwright;

namespace Headwater.Proxies;

public sealed class CaddyTests : ProxySpecification
{
    /// <summary>By a browser, because .NET needs msquic for HTTP/3, which distributions do not have.</summary>
    [Fact]
    public async Task Events_come_by_HTTP_3()
    {
        await using var app = await Origin(TimeSpan.FromHours(1));
        await using var proxy = await Start(app, out var site);
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = "/usr/bin/chromium",
            Args =
            [
                "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--host-resolver-rules=MAP localhost 127.0.0.1",
                $"--origin-to-force-quic-on=localhost:{site.Port}",
                $"--ignore-certificate-errors-spki-list={site.PublicKeyHash}",
            ],
        });
        using (var http = site.Client(HttpVersion.Version20))
        using (var health = await http.GetAsync("/health"))
            Assert.Contains($"h3=\":{site.Port}\"", string.Join(',', health.Headers.GetValues("Alt-Svc")), StringComparison.Ordinal);
        var page = await browser.NewPageAsync();
        await page.GotoAsync($"https://localhost:{site.Port}/health");
        await page.EvaluateAsync(
            """
            () => new Promise((opened, failed) => {
              window.items = [];
              const feed = new EventSource('/feeds/order-events');
              feed.addEventListener('item-added', e => items.push(JSON.parse(e.data).count));
              feed.onopen = opened;
              feed.onerror = failed;
            })
            """);
        for (var item = 1; item <= 3; item++)
        {
            await AddItem(app, item);
            await page.WaitForFunctionAsync("count => items.length === count", item, new() { Timeout = 20_000 });
        }

        Assert.Equal("h3", await page.EvaluateAsync<string>("performance.getEntriesByType('navigation')[0].nextHopProtocol"));
    }

    [Fact]
    public async Task Compression_that_is_on_leaves_streams_alone() => Assert.Equal(ProbeFindings.Fine, await FindingsWith("encode gzip"));

    private protected override string[] Prepare(Site site)
    {
        var configuration = Configuration.Read("Caddyfile")
            .With("grace_period 5s", "grace_period 1s\n admin off\n auto_https disable_redirects")
            .With("example.com {", $"https://localhost:{site.Port} {{\n bind 127.0.0.1\n tls {site.CertificateFile} {site.KeyFile}\n {site.Addition}")
            .With("127.0.0.1:5000", site.Origin)
            .With("read_timeout 60s", $"read_timeout {site.IdleSeconds}s");
        File.WriteAllText(site.InFolder("Caddyfile"), configuration.Text);
        return ["caddy", "run", "--config", site.InFolder("Caddyfile")];
    }
}
