using StackExchange.Redis;

namespace Headwater;

/// <summary>
/// One connection to Redis, which its client restores, subscriptions included. Nothing is queued while it is away: what cannot be said then
/// is not worth saying later.
/// </summary>
internal sealed class RedisChannels : IBroadcastSignal, ITopicBroker, IAsyncDisposable
{
    private const string Appended = "appended";

    private readonly ConfigurationOptions options;
    private readonly string prefix;
    private readonly string self;
    private readonly Lock gate = new();
    private readonly Pulse heard = new();
    private Task<ConnectionMultiplexer>? connecting;
    private Task? next;
    private bool? isSharded;
    private Action<string, ReadOnlyMemory<byte>>? received;
    private Action? interrupted;

    /// <param name="options">How to connect.</param>
    /// <param name="prefix">What the names of channels begin with.</param>
    /// <param name="self">Says whose hints are this node's own.</param>
    public RedisChannels(ConfigurationOptions options, string prefix, string self)
    {
        (this.prefix, this.self) = (prefix, self);
        this.options = options.Clone();
        this.options.AbortOnConnectFail = false;
        this.options.BacklogPolicy = BacklogPolicy.FailFast;
        this.options.ClientName ??= "headwater";
    }

    public async ValueTask Wait(CancellationToken cancel)
    {
        if (next is null)
        {
            // What was said before it listened was not heard, so that it listens at all is a hint.
            var connection = await Connected().WaitAsync(cancel);
            var first = heard.Next;
            await connection.GetSubscriber().SubscribeAsync(Channel(connection, Appended), (_, sender) =>
            {
                if (sender != self)
                    heard.Beat();
            }).WaitAsync(cancel);
            next = first;
            return;
        }

        await next.WaitAsync(cancel);

        // The next wait is for what comes from now on, even if it begins later.
        next = heard.Next;
    }

    public async ValueTask Ring(CancellationToken cancel) => await Say(Appended, self, cancel);

    public void Attach(Action<string, ReadOnlyMemory<byte>> received, Action interrupted) =>
        (this.received, this.interrupted) = (received, interrupted);

    public async ValueTask Publish(string channel, ReadOnlyMemory<byte> message, CancellationToken cancel) => await Say(Topic(channel), message, cancel);

    public async ValueTask Listen(string channel, CancellationToken cancel)
    {
        var connection = await Connected().WaitAsync(cancel);

        // By a queue: a handler given at once would be called from several threads, and messages would overtake each other.
        var messages = await connection.GetSubscriber().SubscribeAsync(Channel(connection, Topic(channel))).WaitAsync(cancel);
        messages.OnMessage(message => received?.Invoke(channel, (ReadOnlyMemory<byte>)message.Message));
    }

    public async ValueTask StopListening(string channel, CancellationToken cancel)
    {
        var connection = await Connected().WaitAsync(cancel);
        await connection.GetSubscriber().UnsubscribeAsync(Channel(connection, Topic(channel))).WaitAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        if (connecting is not null && await connecting is { } connection)
            await connection.DisposeAsync();
    }

    private static string Topic(string channel) => $"topic:{channel}";

    /// <summary>All nodes must use the same kind of channel, so nothing is said before it is known what the server is.</summary>
    private RedisChannel Channel(ConnectionMultiplexer connection, string name)
    {
        isSharded ??= connection.GetServers().FirstOrDefault(server => server.IsConnected) is { } server
            ? server.ServerType is ServerType.Cluster
            : throw new IOException("Redis cannot be reached.");
        return isSharded.Value ? RedisChannel.Sharded($"{prefix}:{name}") : RedisChannel.Literal($"{prefix}:{name}");
    }

    private async Task Say(string channel, RedisValue message, CancellationToken cancel)
    {
        var connection = await Connected().WaitAsync(cancel);
        await connection.GetSubscriber().PublishAsync(Channel(connection, channel), message).WaitAsync(cancel);
    }

    private Task<ConnectionMultiplexer> Connected()
    {
        lock (gate)
            return connecting is null or { IsFaulted: true } or { IsCanceled: true } ? connecting = Connect() : connecting;
    }

    private async Task<ConnectionMultiplexer> Connect()
    {
        var connection = await ConnectionMultiplexer.ConnectAsync(options);
        connection.ConnectionRestored += (_, restored) =>
        {
            if (restored.ConnectionType is not ConnectionType.Subscription)
                return;
            heard.Beat();
            interrupted?.Invoke();
        };
        return connection;
    }
}
