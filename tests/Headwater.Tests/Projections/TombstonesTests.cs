using Microsoft.Extensions.Logging.Abstractions;

namespace Headwater.Tests;

public sealed class TombstonesTests
{
    [Fact]
    public async Task Deletions_are_forgotten_when_they_are_old_and_not_before()
    {
        await using var world = await World.Start(headwater => headwater.AddProjection<OrderRows, OrderRow>("orders"));
        foreach (var key in new[] { "a", "b", "c" })
        {
            await world.Open(key);
            await world.Append(key, new OrderEvent.Removed());
            world.Time.Advance(TimeSpan.FromDays(3));
        }

        await world.Settle();
        var tombstones = new Tombstones(
            world.Node.Projections, world.Log, world.Node.Options,
            new Surroundings(world.Time, TaskScheduler.Default, new Random(1), Guid.NewGuid), NullLogger<Tombstones>.Instance);
        await tombstones.Trim(World.Cancel);

        var page = await world.Store.ReadChanges("orders", null, new Position(1), 10, World.Cancel);
        Assert.Equal(["b", "c"], page.Rows.Select(row => row.Key));
        Assert.Equal(new Position(2), page.State.TrimmedTo);
    }

    [Fact]
    public async Task A_node_stops_in_peace_while_they_are_being_looked_for()
    {
        var hanging = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        WatchedLog? watched = null;
        await using var world = await World.Start(adapters: store => new Adapters(watched = new WatchedLog(store)));
        await world.Open("a");
        await world.Settle();
        watched!.AfterRead = async (query, page) =>
        {
            if (query.Limit == 1)
            {
                hanging.TrySetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, world.Node.Stopping);
            }

            return page;
        };
        await world.Until(() => hanging.Task.IsCompleted, tick: TimeSpan.FromMinutes(5));

        await world.Node.Stop();
    }

    [Fact]
    public async Task They_are_looked_for_every_hour()
    {
        await using var world = await World.Start(headwater => headwater
            .Configure(options => options.TombstoneRetention = TimeSpan.FromMinutes(90))
            .AddProjection<OrderRows, OrderRow>("orders"));
        await world.Open("a");
        await world.Append("a", new OrderEvent.Removed());
        await world.Settle();

        await world.Until(
            async () => (await world.Store.State("orders", World.Cancel)).TrimmedTo.Value == 2, tick: TimeSpan.FromMinutes(5));
        Assert.True(world.Time.GetUtcNow() >= new DateTimeOffset(2026, 3, 1, 13, 30, 0, TimeSpan.Zero));
    }
}
