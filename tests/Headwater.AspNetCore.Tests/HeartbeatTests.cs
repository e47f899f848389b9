using System.IO.Pipelines;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Headwater.AspNetCore.Tests;

public sealed class HeartbeatTests
{
    /// <summary>The only heartbeat there is comes while the connection reads, as it does on a busy log more often than not.</summary>
    [Fact]
    public async Task A_heartbeat_that_comes_while_the_connection_reads_is_not_lost()
    {
        var time = new FakeTimeProvider();
        Action beat = () => { };
        await using var app = await OrdersApp.Start(headwater =>
        {
            headwater.Services.AddSingleton<TimeProvider>(time);
            headwater.AddFeed("beaten", feed => feed.Events("order").AllowAnonymous().Contract<OrderEvent.Opened, OpenedContract>("order-opened", (e, happened) =>
            {
                beat();
                return new(happened.Stream.Key, e.Customer);
            }));
        });
        await app.Node.Log.Append(new StreamId("order", "1"), ExpectedVersion.Any, [new OrderEvent.Opened("ann")]);

        using var end = new CancellationTokenSource();
        var connections = new FeedConnections(app.Node, end.Token);
        var beating = connections.Run();
        beat = () =>
        {
            var next = connections.Heartbeat;
            time.Advance(app.Node.Options.Heartbeat);
            Assert.True(next.Wait(TimeSpan.FromSeconds(20)));
        };
        var session = await FeedSession.Open(app.Node.Log, [new FeedRequest(app.Node.Feeds["beaten"], null)], ["start"], 10, CancellationToken.None);
        var pipe = new Pipe();
        var running = new SseConnection(session, pipe.Writer, app.Node, connections).Run(CancellationToken.None);

        using var written = new StreamReader(pipe.Reader.AsStream());
        var lines = new List<string>();
        while (lines is not [.., "", ['i', 'd', ':', ..], ""] || !lines.Contains("event: order-opened"))
            lines.Add((await written.ReadLineAsync(CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(20)))!);

        await end.CancelAsync();
        await Task.WhenAll(running, beating);
    }
}
