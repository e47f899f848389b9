using System.IO.Pipelines;
using System.Text;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.AspNetCore.Tests;

/// <summary>What comes between two looks of a connection, at a heartbeat or at the log, is not lost.</summary>
public sealed class HeartbeatTests : IAsyncLifetime
{
    private readonly WatchedTime time = new();
    private readonly CancellationTokenSource end = new();
    private Action whileReading = () => { };
    private OrdersApp app = null!;
    private FeedConnections connections = null!;

    public async ValueTask InitializeAsync()
    {
        app = await OrdersApp.Start(headwater =>
        {
            headwater.Services.AddSingleton<TimeProvider>(time);
            headwater.AddFeed("watched", feed => feed.Events("order").AllowAnonymous().Contract<OrderEvent.Opened, OpenedContract>("order-opened", (e, happened) =>
            {
                whileReading();
                return new(happened.Stream.Key, e.Customer);
            }));
        });
        connections = new FeedConnections(app.Node, end.Token);
    }

    public async ValueTask DisposeAsync()
    {
        end.Dispose();
        await app.DisposeAsync();
    }

    /// <summary>The only heartbeat there is comes while the connection reads, as it does on a busy log more often than not.</summary>
    [Fact]
    public async Task A_heartbeat_that_comes_while_the_connection_reads_is_not_lost()
    {
        await Append();
        var beating = connections.Run();
        whileReading = () =>
        {
            var next = connections.Heartbeat;
            time.Advance(app.Node.Options.Heartbeat);
            Assert.True(next.Wait(TimeSpan.FromSeconds(20)));
        };
        var output = new Output();
        var running = await Follow(output);

        await output.Has(text => text.Contains("event: order-opened", StringComparison.Ordinal) && text.Split("\n\n")[^2].StartsWith("id:", StringComparison.Ordinal));
        await end.CancelAsync();
        await Task.WhenAll(running, beating);
    }

    /// <summary>The only event there is comes while the connection writes its heartbeat, after it had looked.</summary>
    [Fact]
    public async Task An_event_that_comes_while_the_connection_writes_is_not_lost()
    {
        var beating = connections.Run();
        var output = new Output();
        output.BeforeFlush = async flushes =>
        {
            if (flushes != 2)
                return;
            await Append();
            for (var advanced = app.Node.Tail.Advanced; app.Node.Tail.Position == Position.Start; advanced = app.Node.Tail.Advanced)
                await advanced;
        };
        var running = await Follow(output);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (output.Flushes < 2)
        {
            limit.Token.ThrowIfCancellationRequested();
            time.Advance(app.Node.Options.Heartbeat);
            await Task.Yield();
        }

        await output.Has(text => text.Contains("event: order-opened", StringComparison.Ordinal));
        await end.CancelAsync();
        await Task.WhenAll(running, beating);
    }

    /// <summary>No heartbeat comes to its help.</summary>
    [Fact]
    public async Task A_client_is_told_its_cursor_at_once()
    {
        var output = new Output();
        var running = await Follow(output);

        await output.Has(text => text.Contains($"\n\nid: {app.Node.Tail.Epoch}.0\n\n", StringComparison.Ordinal));
        await end.CancelAsync();
        await running;
    }

    [Fact]
    public async Task Connections_end_over_a_spread_when_the_server_stops()
    {
        app.Node.Options.DrainSpread = TimeSpan.FromMinutes(10);
        var output = new Output();
        var running = await Follow(output);
        await output.Has(text => text.Contains("id:", StringComparison.Ordinal));
        await end.CancelAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!time.Timers.Any(due => due > TimeSpan.FromSeconds(1) && due <= TimeSpan.FromMinutes(10)))
        {
            limit.Token.ThrowIfCancellationRequested();
            Assert.False(running.IsCompleted);
            await Task.Yield();
        }

        time.Advance(TimeSpan.FromMinutes(10));
        await running.WaitAsync(TimeSpan.FromSeconds(20));
        await output.Has(text => text.Contains("the server is stopping", StringComparison.Ordinal));
    }

    private async Task Append() => await app.Node.Log.Append(new StreamId("order", "1"), ExpectedVersion.Any, [new OrderEvent.Opened("ann")]);

    private async Task<Task> Follow(Output output)
    {
        var session = await FeedSession.Open(app.Node.Log, [new FeedRequest(app.Node.Feeds["watched"], null)], ["start"], 10, CancellationToken.None);
        return new SseConnection(session, output, app.Node, connections, app.Endless(connections)).Run(CancellationToken.None);
    }

    /// <summary>Keeps what is written, and lets a test in before it goes out.</summary>
    private sealed class Output : PipeWriter
    {
        private readonly Pipe pipe = new(new PipeOptions(pauseWriterThreshold: 0));
        private int flushes;

        public int Flushes => Volatile.Read(ref flushes);

        public Func<int, Task> BeforeFlush { get; set; } = _ => Task.CompletedTask;

        public override bool CanGetUnflushedBytes => true;

        public override long UnflushedBytes => pipe.Writer.UnflushedBytes;

        public override void Advance(int bytes) => pipe.Writer.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => pipe.Writer.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => pipe.Writer.GetSpan(sizeHint);

        public override void CancelPendingFlush() => pipe.Writer.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => pipe.Writer.Complete(exception);

        public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            await BeforeFlush(Interlocked.Increment(ref flushes));
            return await pipe.Writer.FlushAsync(cancellationToken);
        }

        /// <summary>Reads until all that was written is as wanted.</summary>
        public async Task Has(Func<string, bool> isSo)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            while (true)
            {
                var read = await pipe.Reader.ReadAsync(limit.Token);
                var text = Encoding.UTF8.GetString(read.Buffer);
                pipe.Reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                if (isSo(text))
                    return;
            }
        }
    }
}
