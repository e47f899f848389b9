using System.Globalization;
using StackExchange.Redis;

namespace Headwater.Brokers.Tests;

/// <summary>One Redis.</summary>
public class RedisTests : BrokerSpecification
{
    private protected string Configuration => $"127.0.0.1:{Server.Port},connectTimeout=1000,syncTimeout=1000";

    private protected override string[] Command(BrokerServer server) =>
        ["redis-server", "--port", server.Port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];

    private protected override void Use(HeadwaterBuilder headwater) => headwater.UseRedis(Configuration);

    private protected override Task<IReadOnlyList<string>> Channels() => Channels("CHANNELS");

    private protected async Task<IReadOnlyList<string>> Channels(string kind)
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync($"{Configuration},allowAdmin=true");
        return ((string[]?)await connection.GetServer("127.0.0.1", Server.Port).ExecuteAsync("PUBSUB", kind, "headwater:topic:*"))!;
    }
}

/// <summary>A cluster, if only of one, in which the channels are sharded.</summary>
public sealed class RedisClusterTests : RedisTests
{
    private protected override string[] Command(BrokerServer server) => [.. base.Command(server), "--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"];

    private protected override async Task Prepare()
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync($"{Configuration},allowAdmin=true");
        await connection.GetServer("127.0.0.1", Server.Port).ExecuteAsync("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    }

    private protected override Task<IReadOnlyList<string>> Channels() => Channels("SHARDCHANNELS");
}
