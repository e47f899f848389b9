using System.Globalization;
using System.Text.Json;

namespace Headwater.Brokers.Tests;

public sealed class NatsTests : BrokerSpecification
{
    private static readonly HttpClient client = new();

    private protected override string[] Command(BrokerServer server) =>
    [
        "nats-server", "-a", "127.0.0.1", "-p", server.Port.ToString(CultureInfo.InvariantCulture),
        "-m", server.MonitorPort.ToString(CultureInfo.InvariantCulture),
    ];

    private protected override void Use(HeadwaterBuilder headwater) => headwater.UseNats($"nats://127.0.0.1:{Server.Port}");

    private protected override async Task<IReadOnlyList<string>> Channels()
    {
        var connections = JsonDocument.Parse(await client.GetStringAsync(
            $"http://127.0.0.1:{Server.MonitorPort}/connz?subs=1", TestNode.Cancel)).RootElement.GetProperty("connections");
        return
        [
            .. connections.EnumerateArray()
                .SelectMany(each => each.TryGetProperty("subscriptions_list", out var list) ? list.EnumerateArray() : default)
                .Select(subject => subject.GetString()!).Where(subject => subject.StartsWith("headwater.topic.", StringComparison.Ordinal)).Distinct(),
        ];
    }
}
