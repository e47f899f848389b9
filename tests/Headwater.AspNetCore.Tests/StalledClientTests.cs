using System.Net.Sockets;
using System.Text;

namespace Headwater.AspNetCore.Tests;

public sealed class StalledClientTests
{
    private const int Events = 4000;
    private static readonly string note = new('x', 8000);

    [Fact]
    public async Task A_client_that_does_not_read_costs_a_cursor_and_no_queue_and_goes_on_when_it_reads()
    {
        await using var app = await OrdersApp.Start();
        var deliveries = 0L;
        using var counting = Measured.All("headwater.feed.deliveries", (count, _) => Interlocked.Add(ref deliveries, (long)count));
        using var stalled = await Connect(app, "/feeds/order-events?after=start");
        using var quick = await app.Follow("/feeds/order-events?after=start");
        var reading = quick.NextEvents(Events);
        await Append(app);
        Assert.Equal(Events, (await reading).Count);

        // What was written to the stalled client is what its socket's buffers took, and no more.
        var written = Interlocked.Read(ref deliveries) - Events;
        Assert.InRange(written, 0, Events - 1000);

        using var reader = new StreamReader(new NetworkStream(stalled));
        var received = 0;
        while (received < Events)
            if ((await reader.ReadLineAsync(new CancellationTokenSource(TimeSpan.FromSeconds(20)).Token))!.StartsWith("event: item-added", StringComparison.Ordinal))
                received++;
    }

    [Fact]
    public async Task A_client_that_does_not_read_for_too_long_is_let_go()
    {
        await using var app = await OrdersApp.Start(headwater => headwater.Configure(options => options.WriteTimeout = TimeSpan.FromMilliseconds(200)));
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var connections = Measured.All("headwater.feed.connections", (change, _) =>
        {
            if (change < 0)
                closed.TrySetResult();
        });
        using var stalled = await Connect(app, "/feeds/order-events?after=start");
        await Append(app);
        await closed.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }

    private static async Task Append(OrdersApp app)
    {
        for (var i = 0; i < Events; i += 100)
            await app.Node.Log.Append(new StreamId("order", "1"), ExpectedVersion.Any, Enumerable.Range(0, 100).Select(_ => new OrderEvent.ItemAdded(note, 1)));
    }

    private static async Task<Socket> Connect(OrdersApp app, string path)
    {
        // Little is left to the system's own buffers, whose size is nobody's promise.
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 64 << 10 };
        await socket.ConnectAsync(app.Client.BaseAddress!.Host, app.Client.BaseAddress.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        return socket;
    }
}
