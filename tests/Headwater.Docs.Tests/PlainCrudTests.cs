using Headwater.Docs.Tests.Outbox;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Headwater.Docs.Tests;

/// <summary>The application of docs/outbox.md does what is said there.</summary>
public sealed class PlainCrudTests
{
    [Fact]
    public async Task A_row_that_is_saved_is_told_on_the_feed_also_after_a_restart()
    {
        var cancel = TestContext.Current.CancellationToken;
        var folder = Directory.CreateTempSubdirectory("headwater-");
        for (var price = 1; price <= 2; price++)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            await using var app = PlainCrud.Build(builder, Path.Combine(folder.FullName, "shop.db"));
            await app.StartAsync(cancel);
            using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };

            using var response = await client.PutAsync($"/products/A1/price/{price}", null, cancel);
            response.EnsureSuccessStatusCode();

            using var feed = new StreamReader(await client.GetStreamAsync("/feeds/prices?after=start", cancel));
            var data = new List<string>();
            while (data.Count < price)
                if (await feed.ReadLineAsync(cancel) is { } line && line.StartsWith("data:", StringComparison.Ordinal))
                    data.Add(line);
            Assert.Contains($"\"product\":\"A1\",\"amount\":{price}", data[^1], StringComparison.Ordinal);
        }

        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        folder.Delete(recursive: true);
    }
}
