using System.Buffers;
using System.IO.Pipelines;
using System.Text;

namespace Headwater.AspNetCore;

/// <summary>Writes what a session reads to one client, as fast as the client takes it.</summary>
internal sealed class SseConnection(FeedSession session, PipeWriter output, Node node, FeedConnections connections)
{
    private const int FlushAtBytes = 32 << 10;

    private static readonly TimeSpan retry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan retryWhenBroken = TimeSpan.FromSeconds(30);

    private readonly List<FeedItem> items = [];

    public async Task Run(CancellationToken aborted)
    {
        // A client that does not take its bytes is let go after a while; it comes back at its cursor.
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(connections.Stopping, aborted);
        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, stopping.Token);

        Write(SseFormat.Comment("connected"));
        Write(SseFormat.Retry(retry + node.Jitter(retry)));
        if (session.Reset is ResetReason.None)
            Write(SseFormat.EndOfBlock(session.Cursor));
        await Flush(deadline);

        // Waited for from one heartbeat to the next: one that falls into a read or a write must not be lost, and a busy connection
        // must not enter and leave, at every event, the list of those who wait for the heartbeat, which is as long as there are connections.
        var quiet = Task.WhenAny(connections.Heartbeat, stopped);
        while (!stopping.IsCancellationRequested)
        {
            var more = session.More;
            var moved = await session.Read(items, aborted);
            await WriteItems(deadline);
            if (session.Reset is not ResetReason.None)
                await TellReset(aborted);
            if (quiet.IsCompleted)
            {
                // A quiet feed advances too: its client must not have to read all of that again when it comes back.
                quiet = Task.WhenAny(connections.Heartbeat, stopped);
                Write(SseFormat.EndOfBlock(session.Cursor));
            }

            await Flush(deadline);
            if (!moved)
                await Task.WhenAny(more, quiet);
        }

        if (!aborted.IsCancellationRequested)
            await Drain(deadline);
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

    private async ValueTask WriteItems(CancellationTokenSource deadline)
    {
        foreach (var item in items)
        {
            Write(item.Frame.Encoded(SseFormat.Encode).Span);
            Write(SseFormat.EndOfBlock(item.Cursor));
            if (output.UnflushedBytes > FlushAtBytes)
                await Flush(deadline);
        }

        if (items.Count > 0)
            Telemetry.Deliveries.Add(items.Count);
    }

    private async ValueTask TellReset(CancellationToken cancel)
    {
        var reason = session.Reset;
        await session.BeginAnew(cancel);
        Write($"event: {ResetFrame.Name}\ndata: {ResetFrame.Data(reason, session.Cursor)}\n");
        Write(SseFormat.EndOfBlock(session.Cursor));
    }

    /// <summary>Ends the connection within the spread, so that a deploy does not bring all clients back at one moment.</summary>
    private async ValueTask Drain(CancellationTokenSource deadline)
    {
        await Task.Delay(node.Jitter(node.Options.DrainSpread), node.Time, deadline.Token);
        Write(SseFormat.Comment("the server is stopping"));
        Write(SseFormat.EndOfBlock(session.Cursor));
        await Flush(deadline);
    }

    private async ValueTask Flush(CancellationTokenSource deadline)
    {
        if (output.UnflushedBytes == 0)
            return;
        var flush = output.FlushAsync(deadline.Token);
        if (!flush.IsCompleted)
        {
            deadline.CancelAfter(node.Options.WriteTimeout);
            await flush;
            deadline.CancelAfter(Timeout.InfiniteTimeSpan);
        }
        else if ((await flush).IsCompleted)
        {
            throw new OperationCanceledException("The client has gone.");
        }
    }

    private void Write(string text)
    {
        var span = output.GetSpan(text.Length * 3);
        output.Advance(Encoding.UTF8.GetBytes(text, span));
    }

    private void Write(ReadOnlySpan<byte> bytes) => output.Write(bytes);
}
