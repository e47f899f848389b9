using System.IO.Pipelines;
using System.Text;

namespace Headwater.AspNetCore.Tests;

/// <summary>What a delivery costs: each frame is made once, and what is pending goes out together.</summary>
public sealed class FrameTests
{
    [Fact]
    public async Task A_frame_is_made_once_for_all_connections()
    {
        var made = 0;
        await using var app = await OrdersApp.Start(headwater => headwater.AddFeed("counted", feed => feed
            .Events("order")
            .Contract<OrderEvent.Opened, OpenedContract>("order-opened", (e, happened) =>
            {
                Interlocked.Increment(ref made);
                return new(happened.Stream.Key, e.Customer);
            })
            .AllowAnonymous()));
        var feeds = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => app.Follow("/feeds/counted?after=start")));
        for (var i = 0; i < 5; i++)
            await app.Post($"/orders/{i}/open", new Open("ann"));
        foreach (var feed in feeds)
            Assert.Equal(5, (await feed.NextEvents(5)).Count);
        Assert.Equal(5, made);
        foreach (var feed in feeds)
            feed.Dispose();
    }

    [Fact]
    public async Task Pending_frames_go_out_in_one_write()
    {
        await using var app = await OrdersApp.Start();
        await app.Node.Log.Append(new StreamId("order", "1"), ExpectedVersion.Any, Enumerable.Range(1, 200).Select(count => new OrderEvent.ItemAdded("tea", count)));
        var requests = new[] { new FeedRequest(app.Node.Feeds["order-events"], null) };
        var session = await FeedSession.Open(app.Node.Log, requests, ["start"], app.Node.Options.PageSize, CancellationToken.None);

        using var end = new CancellationTokenSource();
        var written = new MemoryStream();
        var output = new CountedWriter(PipeWriter.Create(written), () => Encoding.UTF8.GetString(written.ToArray()).Contains("\"count\":200", StringComparison.Ordinal), end);
        var connections = new FeedConnections(app.Node, CancellationToken.None);
        var connection = new SseConnection(session, output, app.Node, connections, app.Endless(connections));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await connection.Run(end.Token);
            end.Token.ThrowIfCancellationRequested();
        });

        // One for the preamble, one for all 200 frames.
        Assert.Equal(2, output.Flushes);
    }

    /// <summary>Counts the writes to the network, and ends the connection once it has what the test waits for.</summary>
    private sealed class CountedWriter(PipeWriter inner, Func<bool> isDone, CancellationTokenSource end) : PipeWriter
    {
        public int Flushes { get; private set; }

        public override bool CanGetUnflushedBytes => true;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes) => inner.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            Flushes++;
            var result = await inner.FlushAsync(cancellationToken);
            if (isDone())
                await end.CancelAsync();
            return result;
        }
    }
}
