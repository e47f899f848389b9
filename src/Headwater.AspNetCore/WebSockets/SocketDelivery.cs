using System.Collections.Concurrent;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Headwater.AspNetCore;

/// <summary>
/// The one loop that writes to a socket: answers, and in turn what each subscription has to tell. It reads only what the client takes,
/// so a client that does not read costs its cursors.
/// </summary>
internal sealed partial class SocketDelivery(
    SocketOutput output, Node node, FeedConnections connections, FeedConnection client,
    ConcurrentDictionary<string, SocketSubscription> followed, ChannelReader<SocketReply> replies, ILogger logger) : IDisposable
{
    private static readonly TimeSpan retryWhenBroken = TimeSpan.FromSeconds(30);

    private readonly List<SocketSubscription> subscriptions = [];
    private readonly List<FeedItem> items = [];
    private readonly List<Task> waits = [];
    private readonly ConnectionLife life = client.Life;

    /// <summary>Whether the client has been told goodbye, so that nothing it asks for can be answered any more.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Writes until the connection has to end, or is over.</summary>
    /// <returns>Why it has to end; empty if it is over.</returns>
    public async Task<string> Run(CancellationToken over)
    {
        try
        {
            return await Write(over);
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            return "";
        }
    }

    private async Task<string> Write(CancellationToken over)
    {
        var ending = Ending(over);
        var quiet = Task.WhenAny(connections.Heartbeat, life.Changed, ending);
        Task asked = replies.WaitToReadAsync(over).AsTask();
        var pause = Task.CompletedTask;
        while (!ending.IsCompleted)
        {
            over.ThrowIfCancellationRequested();

            // Both are taken before the look at what they tell of.
            var beat = quiet.IsCompleted;
            if (beat)
                quiet = Task.WhenAny(connections.Heartbeat, life.Changed, ending);
            if (asked.IsCompleted)
                asked = replies.WaitToReadAsync(over).AsTask();
            await Answer();
            if (life.End is { } end)
                return await SayGoodbye(end);
            if (life.TakeWarning(out var expires))
                await TellExpiring(expires);
            if (!pause.IsCompleted)
            {
                if (beat)
                    await TellCursors();
                await Task.WhenAny(pause, quiet, asked);
                continue;
            }

            waits.Clear();
            var moved = false;
            foreach (var subscription in subscriptions)
            {
                waits.Add(subscription.Life.Changed);
                waits.Add(subscription.Session.More);
                var hasMore = await Deliver(subscription, over);
                moved |= hasMore;
                if ((life.End ?? subscription.Life.End) is { Problem: null } expired)
                    return await SayGoodbye(expired);

                // Who catches up may be as far behind as the log is long, and who reads quickly is behind for the length of a read.
                subscription.HasCaughtUp |= !hasMore;
                if (subscription.HasCaughtUp && output.HasWaitedForClient && subscription.Session.IsTooFarBehind)
                {
                    FeedConnection.Dropped("behind");
                    return await SayGoodbye("too-far-behind");
                }

            }

            output.HasWaitedForClient = false;
            Forget(subscriptions.FindAll(subscription => subscription.IsBroken));

            // A quiet feed advances too: its client must not have to read all of that again when it comes back.
            if (beat)
                await TellCursors();

            if (client.Pause() is { Ticks: > 0 } time)
                pause = Task.Delay(time, node.Time, over);
            if (moved)
                continue;
            waits.Add(quiet);
            waits.Add(asked);
            await Task.WhenAny(waits);
        }

        return await SayGoodbye(await ending);
    }

    /// <summary>Completes with the reason once the connection has to end.</summary>
    private async Task<string> Ending(CancellationToken over)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(connections.Stopping, over);
        var aged = Task.Delay(connections.MaxAge(), node.Time, ending.Token);
        await aged.ConfigureAwait(ConfigureAwaitOptions.ContinueOnCapturedContext | ConfigureAwaitOptions.SuppressThrowing);
        if (aged.IsCompletedSuccessfully)
            return "age-reached";

        // Ended within the spread, so that a deploy does not bring all clients back at one moment; until then it goes on as before.
        await Task.Delay(node.Jitter(node.Options.DrainSpread), node.Time, over);
        return "server-stopping";
    }

    private async ValueTask Answer()
    {
        while (replies.TryRead(out var reply))
        {
            if (reply.Ends is { } ended)
                Forget([ended]);
            if (reply.Message.Length > 0)
                await output.Send(reply.Message);
            if (reply.Begins is { } begun)
            {
                subscriptions.Add(begun);
                TellStanding();
            }
        }
    }

    /// <summary>Tells what is new in a subscription.</summary>
    /// <returns>Whether there may be more at once.</returns>
    private async ValueTask<bool> Deliver(SocketSubscription subscription, CancellationToken over)
    {
        var session = subscription.Session;
        bool moved;
        ResetReason reset;
        try
        {
            moved = await session.Read(items, over);

            // What was read since then is not for the client any more, nor the cursor behind that.
            if ((life.End ?? subscription.Life.End) is { } end)
            {
                if (end.Problem is { } problem && life.End is null)
                    await TellProblem(subscription, problem);
                return false;
            }

            reset = session.Reset;
            if (reset is not ResetReason.None)
                await session.BeginAnew(over);
        }
        catch (Exception e) when (!over.IsCancellationRequested)
        {
            LogBroken(logger, e, subscription.Name, session.Cursor);
            await TellProblem(subscription,
                e is UnreadableEventException unreadable ? Problem.Unreadable(unreadable) : Problem.Unavailable("The feed cannot go on just now."));
            return false;
        }

        foreach (var item in items)
        {
            if (item.Frame.Name == ResetFrame.Name)
            {
                await TellReset(subscription, item.Frame);
                continue;
            }

            var json = Begin("event", subscription);
            json.WriteString("event", item.Frame.Name);
            if (item.Cursor is { } reached)
                json.WriteString("id", reached.ToString());
            json.WritePropertyName("data");
            json.WriteRawValue(item.Frame.Json.Span, skipInputValidation: true);
            await output.Send();
        }

        client.Delivered(items, subscription.HasCaughtUp && !output.HasWaitedForClient);
        if (reset is ResetReason.None)
            return moved;
        Begin("reset", subscription).WriteString("reason", ResetFrame.Count(reset));
        await Tell(session.Cursor);
        return true;
    }

    /// <summary>Tells a reset that concerns some of a subscription's feeds, as topics have it.</summary>
    private ValueTask TellReset(SocketSubscription subscription, Frame reset)
    {
        var json = Begin("reset", subscription);
        using var data = JsonDocument.Parse(reset.Json);
        foreach (var member in data.RootElement.EnumerateObject())
            member.WriteTo(json);
        return output.Send();
    }

    private ValueTask TellExpiring(DateTimeOffset at)
    {
        var json = output.Begin(ExpiringFrame.Name);
        json.WriteString("at", ExpiringFrame.Text(at));
        return output.Send();
    }

    /// <summary>Ends a subscription that cannot go on. Without a cursor: its client has to come back right before what cannot be told.</summary>
    private async ValueTask TellProblem(SocketSubscription subscription, Problem problem)
    {
        // First, so that a client that knows can take the name again.
        subscription.IsBroken = true;
        followed.TryRemove(new KeyValuePair<string, SocketSubscription>(subscription.Name, subscription));
        var json = Begin("problem", subscription);
        json.WriteNumber("retryAfter", (int)(retryWhenBroken + node.Jitter(retryWhenBroken)).TotalSeconds);
        json.WritePropertyName("problem");
        json.WriteRawValue(problem.Json());
        await output.Send();
    }

    private async ValueTask TellCursors()
    {
        foreach (var subscription in subscriptions)
        {
            Begin("cursor", subscription);
            await Tell(subscription.Session.Cursor);
        }
    }

    /// <summary>The last the client hears: where each subscription stands, and why the connection ends.</summary>
    private async ValueTask<string> SayGoodbye(string reason)
    {
        HasEnded = true;
        await Answer();
        await TellCursors();
        return await Bye(reason);
    }

    /// <summary>The last a client hears that may not be served any longer. It knows the cursors of all that was for it.</summary>
    private ValueTask<string> SayGoodbye(LifeEnd end)
    {
        HasEnded = true;
        return Bye(end.Reason);
    }

    private async ValueTask<string> Bye(string reason)
    {
        output.Begin("bye").WriteString("reason", reason);
        await output.Send();
        return reason;
    }

    private void Forget(List<SocketSubscription> ended)
    {
        foreach (var subscription in ended)
        {
            subscriptions.Remove(subscription);
            subscription.Dispose();
            TellStanding();
        }
    }

    private void TellStanding() => client.Follows([.. subscriptions.Select(subscription => subscription.Session)]);

    public void Dispose()
    {
        // What was begun or ended last may not have come as far as here.
        foreach (var subscription in followed.Values.Concat(subscriptions))
            subscription.Dispose();
    }

    private Utf8JsonWriter Begin(string method, SocketSubscription subscription)
    {
        var json = output.Begin(method);
        json.WriteString("subscription", subscription.Name);
        return json;
    }

    /// <summary>Ends a notification with a cursor.</summary>
    private ValueTask Tell(Cursor cursor)
    {
        output.Json.WriteString("cursor", cursor.ToString());
        return output.Send();
    }

    [LoggerMessage(64, LogLevel.Error, "The subscription {Subscription} on a WebSocket broke at cursor {Cursor}; the client comes back there.")]
    private static partial void LogBroken(ILogger logger, Exception e, string subscription, Cursor cursor);
}
