using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Text;

namespace Headwater.AspNetCore;

/// <summary>Writes what a session reads to one client, as fast as the client takes it.</summary>
/// <param name="session">What the client follows, and where it stands.</param>
/// <param name="output">The way to it.</param>
/// <param name="node">Time, chance and settings.</param>
/// <param name="connections">What all connections share.</param>
/// <param name="client">How long it may be served, and what is counted of it.</param>
/// <param name="isPadded">
/// Whether the client says that something on its way holds bytes back until more come. Then there is a long comment at the start and a
/// short one after each burst. Not for everybody: it would be a second write for each delivery.
/// </param>
/// <param name="crowd">What it follows, as one text, and the way to the client, if others may write to it what is the same for all.</param>
internal sealed class SseConnection(
    FeedSession session, PipeWriter output, Node node, FeedConnections connections, FeedConnection client, bool isPadded = false,
    (string Feeds, Func<ICrowdWay> Way)? crowd = null)
{
    private const int FlushAtBytes = 32 << 10;

    private static readonly TimeSpan retry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan retryWhenBroken = TimeSpan.FromSeconds(30);

    // Long enough that the comment goes out in a packet of its own, and that a burst has one comment and not many.
    private static readonly TimeSpan burstPause = TimeSpan.FromMilliseconds(50);

    // A flush that waits for more than the socket's buffer waits for the client.
    private static readonly TimeSpan slow = TimeSpan.FromMilliseconds(20);

    // Timers go by a clock that is coarser than the one that time is measured by, and may be over before it is.
    private static readonly TimeSpan early = TimeSpan.FromMilliseconds(20);

    private readonly ConnectionLife life = client.Life;
    private readonly List<FeedItem> items = [];
    private ICrowdWay? way;
    private bool isBurst;
    private bool hasWaitedForClient;

    public async Task Run(CancellationToken aborted)
    {
        // A client that does not take its bytes is let go after a while; it comes back at its cursor.
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        using var over = life.Over.Register(() => deadline.CancelAfter(ConnectionLife.LastWords));
        using var age = new CancellationTokenSource(connections.MaxAge(), node.Time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(connections.Stopping, aborted, age.Token);
        var ended = Task.Delay(Timeout.InfiniteTimeSpan, ending.Token);

        if (isPadded)
            Write(SseFormat.Padding);
        Write(SseFormat.Comment("connected"));
        Write(SseFormat.Retry(retry + node.Jitter(retry)));
        if (session.Reset is ResetReason.None)
            Write(SseFormat.EndOfBlock(session.Cursor));
        await Flush(deadline);

        // Waited for from one heartbeat to the next: one that falls into a read or a write must not be lost, and a busy connection
        // must not enter and leave, at every event, the list of those who wait for the heartbeat, which is as long as there are connections.
        var quiet = Task.WhenAny(connections.Heartbeat, life.Changed, ended);
        var (hasCaughtUp, isAllTold) = (false, true);
        var pause = Task.CompletedTask;
        while (true)
        {
            // Taken before the look at what it tells of.
            var beat = quiet.IsCompleted;
            if (beat)
                quiet = Task.WhenAny(connections.Heartbeat, life.Changed, ended);
            if (ending.IsCancellationRequested || life.End is not null)
                break;
            if (life.TakeWarning(out var expires))
                Write($"event: {ExpiringFrame.Name}\ndata: {ExpiringFrame.Data(expires)}\n\n");

            if (!pause.IsCompleted)
            {
                if (beat)
                    Write(SseFormat.EndOfBlock(session.Cursor));
                await Flush(deadline);
                await Task.WhenAny(pause, quiet);
                continue;
            }

            var more = session.More;
            var moved = await session.Read(items, aborted);
            isAllTold = life.End is null || items.Count == 0;
            if (!isAllTold)
                break;
            await WriteItems(deadline);
            if (session.Reset is not ResetReason.None)
                await TellReset(aborted);

            // A quiet feed advances too: its client must not have to read all of that again when it comes back.
            if (beat)
                Write(SseFormat.EndOfBlock(session.Cursor));
            await Flush(deadline);
            client.Delivered(items, isLive: hasCaughtUp && !hasWaitedForClient);
            if (client.Pause() is { Ticks: > 0 } time)
                pause = Task.Delay(time, node.Time, deadline.Token);

            // Who catches up may be as far behind as the log is long, and who reads quickly is behind for the length of a read.
            if (hasCaughtUp && hasWaitedForClient && session.IsTooFarBehind)
            {
                FeedConnection.Dropped("behind");
                await SayGoodbye("too far behind", deadline);
                return;
            }

            hasWaitedForClient = false;
            if (moved)
                continue;
            hasCaughtUp = true;
            if (isPadded && isBurst)
                await PushOut(more, quiet, deadline);
            if (!await WaitInCrowd(quiet, deadline))
                await Task.WhenAny(more, quiet);
        }

        if (life.End is { } end)
        {
            await TellEnd(end, isAllTold, deadline);
            return;
        }

        if (aborted.IsCancellationRequested)
            return;
        if (connections.Stopping.IsCancellationRequested)
        {
            // Ended within the spread, so that a deploy does not bring all clients back at one moment.
            await Task.Delay(node.Jitter(node.Options.DrainSpread), node.Time, deadline.Token);
            await SayGoodbye("the server is stopping", deadline);
        }
        else
        {
            await SayGoodbye("this connection has reached its age", deadline);
        }
    }

    /// <summary>
    /// Says that the feed cannot go on, and lets the client come back after a while. Without an id: it has to come back right
    /// before what cannot be told.
    /// </summary>
    public async Task TellProblem(Problem problem, CancellationToken aborted)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        Write(SseFormat.Retry(retryWhenBroken + node.Jitter(retryWhenBroken)));
        output.Write(SseFormat.Encode(new Frame("problem", problem.Json())));
        Write(SseFormat.EndOfBlock(null));
        await Flush(deadline);
    }

    /// <summary>Says why the client is not served any longer. What was read since then is not for it, nor the cursor behind that.</summary>
    private async ValueTask TellEnd(LifeEnd end, bool isAllTold, CancellationTokenSource deadline)
    {
        if (end.Problem is { } problem)
            await TellProblem(problem, deadline.Token);
        else if (isAllTold)
            await SayGoodbye("the sign-in has expired", deadline);
    }

    private async ValueTask WriteItems(CancellationTokenSource deadline)
    {
        foreach (var item in items)
        {
            Write(item.Frame.Encoded(SseFormat.Encode).Span);
            Write(SseFormat.EndOfBlock(item.Cursor));
            if (output.UnflushedBytes > FlushAtBytes)
                await Flush(deadline);
        }

        isBurst |= items.Count > 0;
    }

    private async ValueTask TellReset(CancellationToken cancel)
    {
        var reason = session.Reset;
        await session.BeginAnew(cancel);
        Write($"event: {ResetFrame.Name}\ndata: {ResetFrame.Data(reason, session.Cursor)}\n");
        Write(SseFormat.EndOfBlock(session.Cursor));
        isBurst = true;
    }

    /// <summary>Lets the crowd of those who follow the same write to the client, for as long as the client takes it and all is quiet otherwise.</summary>
    /// <returns>Whether it could; if not, the crowd stands elsewhere.</returns>
    private async ValueTask<bool> WaitInCrowd(Task quiet, CancellationTokenSource deadline)
    {
        // A budget of bytes is a client's own.
        if (crowd is not { Feeds: var feeds, Way: var open } || node.Options.MaxBytesPerSecond > 0)
            return false;
        way ??= open();
        if (quiet.IsCompleted || connections.Crowds.Join(feeds, session, client, way) is not { } seat)
            return false;

        // At once, and not when this loop comes to it: nothing is told any more to who must not hear it.
        life.AtEnd = () => seat.Leave();
        client.Follows(seat.Session);
        if (life.End is null)
            await Task.WhenAny(seat.Ended, quiet);
        life.AtEnd = null;
        session.GoTo(seat.Leave());
        client.Follows(session);
        if (seat.HasMore)
            await WithinLimit(way.Finish(deadline.Token), deadline);
        return true;
    }

    /// <summary>Sends a comment after a burst, so that what holds the last bytes back until more come holds back the comment.</summary>
    private async ValueTask PushOut(Task more, Task quiet, CancellationTokenSource deadline)
    {
        var pause = Task.Delay(burstPause, node.Time, deadline.Token);
        await Task.WhenAny(more, quiet, pause);
        if (!pause.IsCompletedSuccessfully)
            return;
        isBurst = false;
        Write(SseFormat.Comment(""));
        await Flush(deadline);
    }

    /// <summary>The last the client hears on this connection: why it ends, and where to go on.</summary>
    private async ValueTask SayGoodbye(string why, CancellationTokenSource deadline)
    {
        Write(SseFormat.Comment(why));
        Write(SseFormat.EndOfBlock(session.Cursor));
        await Flush(deadline);
    }

    private async ValueTask Flush(CancellationTokenSource deadline)
    {
        if (output.UnflushedBytes == 0)
            return;
        client.Wrote(output.UnflushedBytes);
        var flush = output.FlushAsync(deadline.Token);
        if (!flush.IsCompleted)
        {
            await WithinLimit(flush.AsTask(), deadline);
        }
        else if ((await flush).IsCompleted)
        {
            throw new OperationCanceledException("The client has gone.");
        }
    }

    /// <summary>Lets the client take its time, within the limit.</summary>
    private async ValueTask WithinLimit(Task writing, CancellationTokenSource deadline)
    {
        var began = Stopwatch.GetTimestamp();
        deadline.CancelAfter(life.End is null ? node.Options.WriteTimeout : ConnectionLife.LastWords);
        try
        {
            await writing;
        }
        catch (OperationCanceledException) when (life.End is null && Stopwatch.GetElapsedTime(began) + early >= node.Options.WriteTimeout)
        {
            FeedConnection.Dropped("slow");
            throw;
        }

        deadline.CancelAfter(Timeout.InfiniteTimeSpan);
        hasWaitedForClient |= Stopwatch.GetElapsedTime(began) > slow;
    }

    private void Write(string text)
    {
        var span = output.GetSpan(text.Length * 3);
        output.Advance(Encoding.UTF8.GetBytes(text, span));
    }

    private void Write(ReadOnlySpan<byte> bytes) => output.Write(bytes);
}
