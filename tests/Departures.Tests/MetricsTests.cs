using System.Text.RegularExpressions;

namespace Departures.Tests;

/// <summary>Meters are the process's own: beside other tests it would see their connections.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class Alone;

[Collection("alone")]
public sealed partial class MetricsTests
{
    [Fact]
    public async Task Prometheus_is_told_of_connections_and_deliveries()
    {
        await using var server = await Server.Start();
        await server.Schedule("DL1");
        using var feed = await server.Follow("/feeds?feed=flights&feed=board&after=start");
        await feed.NextEvents(2);

        // The exporter answers for a moment with what it had.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        string metrics;
        do
            metrics = await server.Client.GetStringAsync("/metrics", limit.Token);
        while (!(Connections().Match(metrics) is { Success: true } open && open.Groups[1].Value == "1" && Deliveries().IsMatch(metrics) && Lag().IsMatch(metrics)));
    }

    [GeneratedRegex("^headwater_feed_connections\\{[^}]*headwater_transport=\"sse\"[^}]*\\} ([0-9]+)", RegexOptions.Multiline)]
    private static partial Regex Connections();

    [GeneratedRegex("^headwater_feed_deliveries_total\\{[^}]*headwater_transport=\"sse\"[^}]*\\} [1-9]", RegexOptions.Multiline)]
    private static partial Regex Deliveries();

    [GeneratedRegex("^headwater_feed_lag_events\\{[^}]*headwater_feed_name=\"board\"[^}]*\\} 0", RegexOptions.Multiline)]
    private static partial Regex Lag();
}
