using System.Text.Json;
using System.Text.Json.Serialization;

namespace Headwater.AspNetCore;

/// <summary>
/// What the feed connections of this process are doing, for operators. It names no user, no address and no key, so that looking after
/// the service needs no right to look at people.
/// </summary>
internal sealed record ConnectionsHealth(
    int Open, SortedDictionary<string, int> Transports, IReadOnlyList<FeedHealth> Feeds, IReadOnlyList<ConnectionHealth> Slowest)
{
    private const int HowManySlowest = 20;

    public static ConnectionsHealth Of(Node node, FeedConnections connections)
    {
        var all = connections.All.Select(connection => (Connection: connection, Standing: connection.Standing.ToList())).ToList();
        var now = node.Time.GetUtcNow();
        return new ConnectionsHealth(
            all.Count,
            new SortedDictionary<string, int>(all.GroupBy(each => each.Connection.Transport).ToDictionary(same => same.Key, same => same.Count())),
            [.. connections.Followed().OrderBy(feed => feed.Name, StringComparer.Ordinal)
                .Select(feed => new FeedHealth(feed.Name, feed.Connections, feed.LagEvents, Seconds(feed.Lag)))],
            [.. all.OrderBy(each => each.Standing.Count == 0 ? Position.Max : each.Standing.Min(feed => feed.At)).ThenBy(each => each.Connection.OpenedAt)
                .Take(HowManySlowest)
                .Select(each => Describe(each.Connection, each.Standing))]);

        ConnectionHealth Describe(FeedConnection connection, List<(Feed Feed, Position At)> standing)
        {
            var at = standing.Count == 0 ? node.Tail.Position : standing.Min(feed => feed.At);
            return new ConnectionHealth(
                connection.Transport, [.. standing.Select(each => each.Feed.Name).Distinct()], Seconds(now - connection.OpenedAt),
                connections.LagOf(at), Seconds(node.Tail.AgeAfter(at)), connection.Deliveries, connection.Bytes);
        }
    }

    private static double Seconds(TimeSpan time) => Math.Round(time.TotalSeconds, 3);
}

/// <summary>How the clients of a feed fare; the lag is that of the slowest.</summary>
internal sealed record FeedHealth(string Name, int Connections, long LagEvents, double LagSeconds);

internal sealed record ConnectionHealth(
    string Transport, IReadOnlyList<string> Feeds, double AgeSeconds, long LagEvents, double LagSeconds, long Deliveries, long Bytes);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(ConnectionsHealth))]
internal sealed partial class ConnectionsJson : JsonSerializerContext;
