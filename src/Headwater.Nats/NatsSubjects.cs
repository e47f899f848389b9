using NATS.Client.Core;

namespace Headwater;

/// <summary>One connection to NATS, which its client restores, subscriptions included. The server sends nothing back to who published it.</summary>
internal sealed class NatsSubjects : IBroadcastSignal, ITopicBroker, IAsyncDisposable
{
    private readonly NatsConnection connection;
    private readonly string prefix;
    private readonly Pulse heard = new();
    private readonly Dictionary<string, Subscription> subscriptions = [];
    private Subscription? appended;
    private Task? next;
    private int openings;
    private Action<string, ReadOnlyMemory<byte>>? received;
    private Action? interrupted;

    public NatsSubjects(NatsOpts options, string prefix)
    {
        this.prefix = prefix;
        connection = new NatsConnection(options with { Echo = false, MaxReconnectRetry = -1, RetryOnInitialConnect = false });
        connection.ConnectionOpened += (_, _) =>
        {
            // The first is no interruption.
            if (Interlocked.Increment(ref openings) > 1)
            {
                heard.Beat();
                interrupted?.Invoke();
            }

            return ValueTask.CompletedTask;
        };
    }

    public async ValueTask Wait(CancellationToken cancel)
    {
        if (next is null)
        {
            // What was said before it listened was not heard, so that it listens at all is a hint.
            var first = heard.Next;
            appended = await Subscribe($"{prefix}.appended", _ => heard.Beat(), cancel);
            next = first;
            return;
        }

        await next.WaitAsync(cancel);

        // The next wait is for what comes from now on, even if it begins later.
        next = heard.Next;
    }

    public ValueTask Ring(CancellationToken cancel) => connection.PublishAsync($"{prefix}.appended", cancellationToken: cancel);

    public void Attach(Action<string, ReadOnlyMemory<byte>> received, Action interrupted) =>
        (this.received, this.interrupted) = (received, interrupted);

    public ValueTask Publish(string channel, ReadOnlyMemory<byte> message, CancellationToken cancel) =>
        connection.PublishAsync(Topic(channel), message, serializer: NatsRawSerializer<ReadOnlyMemory<byte>>.Default, cancellationToken: cancel);

    public async ValueTask Listen(string channel, CancellationToken cancel) =>
        subscriptions[channel] = await Subscribe(Topic(channel), message => received?.Invoke(channel, message), cancel);

    public async ValueTask StopListening(string channel, CancellationToken cancel)
    {
        if (subscriptions.Remove(channel, out var subscription))
            await subscription.DisposeAsync().AsTask().WaitAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await connection.DisposeAsync();
        foreach (var subscription in subscriptions.Values.Append(appended).OfType<Subscription>())
            await subscription.Ended;
    }

    private string Topic(string channel) => $"{prefix}.topic.{channel}";

    private async ValueTask<Subscription> Subscribe(string subject, Action<byte[]> take, CancellationToken cancel)
    {
        var messages = await connection.SubscribeCoreAsync<byte[]>(
            subject, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: CancellationToken.None).AsTask().WaitAsync(cancel);

        // The server has taken the subscription once it has answered what came behind it.
        await connection.PingAsync(cancel);
        return new Subscription(messages, Read(messages, take));
    }

    private static async Task Read(INatsSub<byte[]> messages, Action<byte[]> take)
    {
        await foreach (var message in messages.Msgs.ReadAllAsync())
            take(message.Data ?? []);
    }

    private sealed record Subscription(INatsSub<byte[]> Messages, Task Ended) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Messages.DisposeAsync();
            await Ended;
        }
    }
}
