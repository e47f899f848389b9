using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>
/// Tells other nodes what is published here, and hears from them about the keys that somebody follows here. Nobody waits for it: what
/// cannot be told in time is given up, and those who lack it are told so.
/// </summary>
internal sealed partial class TopicExchange(
    ITopicBroker broker, TopicRings rings, IReadOnlyDictionary<string, Topic> topics, Surroundings surroundings, ILogger<TopicExchange> logger)
{
    private const int MaxWaiting = 4096;
    private const int Batch = 64;

    private static readonly TimeSpan patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan lookInterval = TimeSpan.FromSeconds(5);

    private readonly Guid self = surroundings.NewId();
    private readonly Lock gate = new();
    private readonly Queue<(TopicKey Place, TopicChange Change)> waiting = [];
    private readonly HashSet<TopicKey> missed = [];     // where something could not be told
    private readonly Dictionary<TopicKey, string> heard = [];
    private readonly Pulse queued = new(surroundings.Waking);
    private readonly Pulse wanted = new(surroundings.Waking);
    private readonly Trouble sending = new(surroundings);
    private readonly Trouble listening = new(surroundings);

    /// <summary>Tells the others as soon as it can be. Whoever calls it holds the gate of the rings, so that the order is theirs.</summary>
    public void Tell(TopicKey place, TopicChange change)
    {
        lock (gate)
        {
            if (waiting.Count == MaxWaiting)
                missed.Add(waiting.Dequeue().Place);
            waiting.Enqueue((place, change));
        }

        queued.Beat();
    }

    /// <summary>Somebody follows a key that nobody followed.</summary>
    public void ListenSoon() => wanted.Beat();

    public async Task Run(CancellationToken cancel)
    {
        broker.Attach(Receive, Interrupted);
        await Task.WhenAll(Send(cancel), Listen(cancel));
    }

    private async Task Send(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var more = queued.Next;
            var batch = Take();
            if (batch.Count == 0)
            {
                await more.WaitAsync(cancel).Quietly();
                continue;
            }

            using var limit = new CancellationTokenSource(patience, surroundings.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
            List<Task> tasks = [.. batch.Select(each => Publish(each.Place, each.Change, either.Token))];
            await Task.WhenAll(tasks).Quietly();
            if (tasks.Find(task => !task.IsCompletedSuccessfully) is not { } failed)
            {
                if (sending.IsOver(out var failures))
                    LogToldAgain(logger, failures);
                continue;
            }

            // Given up rather than repeated: it is of the moment, and the moment is over.
            lock (gate)
                for (var i = 0; i < tasks.Count; i++)
                    if (!tasks[i].IsCompletedSuccessfully)
                        missed.Add(batch[i].Place);
            if (cancel.IsCancellationRequested)
                return;
            if (sending.Occurs())
                LogNotTold(logger, failed.Exception?.InnerException);
            await surroundings.Delay(sending.Backoff, cancel).Quietly();
        }
    }

    private List<(TopicKey Place, TopicChange Change)> Take()
    {
        lock (gate)
        {
            var batch = missed.Take(Batch).Select(place => (place, new TopicChange(TopicChangeKind.Missed))).ToList();
            missed.ExceptWith(batch.Select(each => each.place));
            while (batch.Count < Batch && waiting.TryDequeue(out var next))
                batch.Add(next);
            return batch;
        }
    }

    private Task Publish(TopicKey place, TopicChange change, CancellationToken cancel)
    {
        try
        {
            return broker.Publish(TopicChange.ChannelOf(place), change.Encode(self, place), cancel).AsTask();
        }
        catch (Exception e)
        {
            return Task.FromException(e);
        }
    }

    private async Task Listen(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var changed = wanted.Next;
            try
            {
                var followed = rings.Followed();
                foreach (var place in followed.Where(place => !heard.ContainsKey(place)))
                    await Hear(place, cancel);
                foreach (var (place, channel) in heard.Where(each => !followed.Contains(each.Key)).ToList())
                {
                    await Within(limit => broker.StopListening(channel, limit), cancel);
                    heard.Remove(place);
                }

                if (listening.IsOver(out var failures))
                    LogHeardAgain(logger, failures);
                await Task.WhenAny(changed, surroundings.Delay(lookInterval, cancel)).Quietly();
            }
            catch (Exception) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (listening.Occurs())
                    LogNotHeard(logger, e);
                await surroundings.Delay(listening.Backoff, cancel).Quietly();
            }
        }
    }

    private async ValueTask Hear(TopicKey place, CancellationToken cancel)
    {
        var channel = TopicChange.ChannelOf(place);
        await Within(limit => broker.Listen(channel, limit), cancel);
        heard.Add(place, channel);

        // Who began to follow when it could not be heard may have missed something by now.
        if (listening.IsNow)
            rings.Interrupt(place);
        Tell(place, new TopicChange(TopicChangeKind.WhoIsThere));
    }

    private async ValueTask Within(Func<CancellationToken, ValueTask> act, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(patience, surroundings.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        await act(either.Token);
    }

    private void Receive(string channel, ReadOnlyMemory<byte> message)
    {
        if (TopicChange.Decode(message) is not var (sender, name, key, change) || sender == self || !topics.TryGetValue(name, out var topic))
            return;
        var place = new TopicKey(topic, key);
        if (change.Kind is TopicChangeKind.WhoIsThere)
            rings.TellWhoIsHere(place);
        else
            rings.Take(place, change);
    }

    private void Interrupted()
    {
        foreach (var place in rings.Followed())
        {
            rings.Interrupt(place);
            Tell(place, new TopicChange(TopicChangeKind.WhoIsThere));
            rings.TellWhoIsHere(place);
        }
    }

    [LoggerMessage(80, LogLevel.Warning, "What is published to topics cannot be told to other nodes; who follows there is told that something was missed.")]
    private static partial void LogNotTold(ILogger logger, Exception? e);

    [LoggerMessage(81, LogLevel.Information, "What is published to topics is told to other nodes again, after {Failures} failed attempts.")]
    private static partial void LogToldAgain(ILogger logger, int failures);

    [LoggerMessage(82, LogLevel.Warning, "What other nodes publish to topics cannot be heard; this is tried again.")]
    private static partial void LogNotHeard(ILogger logger, Exception e);

    [LoggerMessage(83, LogLevel.Information, "What other nodes publish to topics is heard again, after {Failures} failed attempts.")]
    private static partial void LogHeardAgain(ILogger logger, int failures);
}
