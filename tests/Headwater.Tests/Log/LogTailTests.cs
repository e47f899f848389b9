using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.Tests;

public sealed class LogTailTests
{
    [Fact]
    public async Task Followers_lose_nothing_while_many_append()
    {
        await using var world = await World.Start(headwater => headwater.Configure(options =>
        {
            // So small that followers fall out of the ring and into the store all the time.
            options.TailEvents = 16;
            options.PageSize = 5;
        }));
        var followers = Enumerable.Range(0, 4).Select(_ => Task.Run(() => Follow(world.Log, LogFilter.Everything, 200), World.Cancel)).ToList();
        var filtered = Task.Run(() => Follow(world.Log, new LogFilter.OneStream(World.Stream("3")), 25), World.Cancel);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; i < 25; i++)
                await world.Open($"{writer}");
        }, World.Cancel)));

        foreach (var seen in await Task.WhenAll(followers))
            Assert.Equal(Enumerable.Range(1, 200), seen.Select(happened => (int)happened.Position.Value));
        Assert.Equal(Enumerable.Range(1, 25), (await filtered).Select(happened => (int)happened.Version));
    }

    /// <summary>The check above must be able to fail: a tail that skips a page is noticed.</summary>
    [Fact]
    public async Task A_tail_that_skips_a_page_is_noticed()
    {
        Assert.Empty(await Lost(skips: false));
        Assert.Equal([2, 3], await Lost(skips: true));

        static async Task<IEnumerable<int>> Lost(bool skips)
        {
            WatchedLog? watched = null;
            await using var world = await World.Start(
                headwater => headwater.Configure(options => options.PageSize = 2),
                store => new Adapters(watched = new WatchedLog(store)));
            var planted = 0;
            watched!.AfterRead = async (query, page) =>
                skips && query.After.Value == 1 && page.Events.Count == 2 && Interlocked.Exchange(ref planted, 1) == 0
                    ? await world.Store.Read(query with { After = page.Next }, World.Cancel)
                    : page;

            await world.Open("1");
            await world.Until(() => world.Node.Tail.Position.Value == 1);
            StreamAppend[] rest = [world.Log.Prepare(World.Stream("1"), ExpectedVersion.Any, Enumerable.Repeat(new OrderEvent.Removed(), 5))];
            await world.Log.Append(rest, World.Cancel);
            var seen = await Follow(world.Log, LogFilter.Everything, skips ? 4 : 6);
            return Enumerable.Range(1, 6).Except(seen.Select(happened => (int)happened.Position.Value));
        }
    }

    [Fact]
    public async Task A_store_that_fails_is_tried_again_until_it_recovers()
    {
        WatchedLog? watched = null;
        await using var world = await World.Start(adapters: store => new Adapters(watched = new WatchedLog(store)));
        var failures = 0;
        watched!.BeforeRead = _ =>
        {
            if (Interlocked.Increment(ref failures) <= 5)
                throw new TimeoutException("planted");
        };

        var following = Follow(world.Log, LogFilter.Everything, 3);
        for (var i = 0; i < 3; i++)
            await world.Open("1");
        await world.Until(() => following.IsCompleted, tick: TimeSpan.FromMilliseconds(100));

        Assert.Equal([1, 2, 3], (await following).Select(happened => (int)happened.Position.Value));
        Assert.True(failures > 5);
    }

    [Fact]
    public async Task A_node_whose_store_fails_at_the_start_starts_when_it_recovers()
    {
        WatchedLog? watched = null;
        await using var world = World.Create(adapters: store => new Adapters(watched = new WatchedLog(store)));
        await world.Open("1");
        var failures = 0;
        watched!.BeforeRead = _ =>
        {
            if (Interlocked.Increment(ref failures) <= 3)
                throw new TimeoutException("planted");
        };

        var starting = world.Node.Start(World.Cancel);
        await world.Until(() => starting.IsCompleted, tick: TimeSpan.FromMilliseconds(100));

        await starting;
        Assert.Equal(new Position(1), world.Node.Tail.Position);
        Assert.Single(await Follow(world.Log, LogFilter.Everything, 1));
    }

    [Fact]
    public async Task Five_thousand_cursors_cost_the_store_no_more_than_one_and_share_every_event()
    {
        WatchedLog? watched = null;
        await using var world = await World.Start(adapters: store => new Adapters(watched = new WatchedLog(store)));
        var readsBefore = watched!.Reads;
        var followers = Enumerable.Range(0, 5000).Select(_ => Follow(world.Log, LogFilter.Everything, 500)).ToList();

        for (var i = 0; i < 500; i++)
            await world.Open("1");
        var seen = await Task.WhenAll(followers);

        Assert.InRange(watched.Reads - readsBefore, 1, 600);
        Assert.All(seen, events => Assert.Equal(500, events.Count));
        for (var i = 0; i < 500; i++)
        {
            var decoded = seen[0][i].Event;
            Assert.All(seen, events => Assert.Same(decoded, events[i].Event));
        }
    }

    [Fact]
    public async Task A_tail_that_starts_late_holds_the_newest_and_the_store_has_the_rest()
    {
        await using var first = await World.Start();
        for (var i = 0; i < 100; i++)
            await first.Open("1");

        WatchedLog watched = new(first.Store);
        await using var second = await first.StartAnother(
            headwater => headwater.Configure(options => options.TailEvents = 16), new Adapters(watched));
        var readsBefore = watched.Reads;

        Assert.Equal(Enumerable.Range(95, 6), (await Follow(second.Log, LogFilter.Everything, 6, after: 94)).Select(happened => (int)happened.Position.Value));
        Assert.Equal(readsBefore, watched.Reads);
        Assert.Equal(100, (await Follow(second.Log, LogFilter.Everything, 100)).Count);
        Assert.True(watched.Reads > readsBefore);
    }

    [Fact]
    public async Task Events_of_another_node_come_with_its_hint_at_once_or_with_the_slow_poll()
    {
        await using var first = await World.Start();
        var signal = new HandSignal();
        await using var hinted = await first.StartAnother(adapters: new Adapters(Signal: signal));
        await using var polling = await first.StartAnother();

        await first.Open("1");
        signal.Give();
        await first.Until(() => hinted.Node.Tail.Position.Value == 1);
        Assert.Equal(Position.Start, polling.Node.Tail.Position);

        await first.Until(() => polling.Node.Tail.Position.Value == 1, tick: TimeSpan.FromMilliseconds(200));
    }

    /// <summary>The tail reads, another node appends, the hint comes, and only then the read returns: it must read again.</summary>
    [Fact]
    public async Task A_hint_that_comes_while_the_tail_reads_is_not_lost()
    {
        await using var first = await World.Start();
        var signal = new HandSignal();
        var watched = new WatchedLog(first.Store);
        await using var second = await first.StartAnother(adapters: new Adapters(watched, Signal: signal));

        // Only the second node's read is disturbed: what it reads was taken before the append and the hint.
        var isPlanted = 0;
        watched.AfterRead = async (_, page) =>
        {
            if (page.Events.Count > 0 && Interlocked.Exchange(ref isPlanted, 1) == 0)
            {
                await first.Open("2");
                signal.Give();
                await signal.Taken.WaitAsync(TimeSpan.FromSeconds(10), World.Cancel);
            }

            return page;
        };
        await second.Open("1");

        await first.Until(() => second.Node.Tail.Position.Value == 2);
    }

    /// <summary>The same with an append of its own: it comes while the tail reads, and no poll will help.</summary>
    [Fact]
    public async Task An_append_that_comes_while_the_tail_reads_is_not_lost()
    {
        WatchedLog? watched = null;
        await using var world = await World.Start(adapters: store => new Adapters(watched = new WatchedLog(store)));
        var isPlanted = 0;
        watched!.AfterRead = async (_, page) =>
        {
            if (page.Events.Count > 0 && Interlocked.Exchange(ref isPlanted, 1) == 0)
                await world.Open("2");
            return page;
        };
        await world.Open("1");

        await world.Until(() => world.Node.Tail.Position.Value == 2);
    }

    /// <summary>Each event comes just when those who saw the one before begin to wait: nobody may wait on in vain.</summary>
    [Fact]
    public async Task Whoever_begins_to_wait_when_an_event_comes_is_woken_by_it()
    {
        const int last = 5_000;
        var mail = new Recorder();
        await using var world = await World.Start(headwater =>
        {
            headwater.Services.AddSingleton(mail);
            headwater.AddSubscription<Recorder>("mail");
        });
        var (followed, handled) = (new SemaphoreSlim(0), new SemaphoreSlim(0));
        mail.Before = _ =>
        {
            handled.Release();
            return ValueTask.CompletedTask;
        };
        using var end = CancellationTokenSource.CreateLinkedTokenSource(World.Cancel);
        var following = Task.Run(async () =>
        {
            await foreach (var page in world.Log.Follow(LogFilter.Everything, Position.Start, end.Token))
                followed.Release(page.Events.Count);
        }, World.Cancel);

        for (var i = 0; i < last; i++)
        {
            await world.Open($"{i % 100}");
            Assert.True(await followed.WaitAsync(TimeSpan.FromSeconds(20), World.Cancel), $"The follower was not woken by event {i + 1}.");
            Assert.True(await handled.WaitAsync(TimeSpan.FromSeconds(20), World.Cancel), $"The subscription was not woken by event {i + 1}.");
        }

        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following);
    }

    [Fact]
    public async Task An_append_whose_answer_is_lost_is_followed_at_once()
    {
        WatchedLog? watched = null;
        await using var world = await World.Start(adapters: store => new Adapters(watched = new WatchedLog(store)));
        watched!.AfterAppend = _ => throw new TimeoutException("planted");

        await Assert.ThrowsAsync<TimeoutException>(() => world.Open("1"));
        Assert.Single(await Follow(world.Log, LogFilter.Everything, 1));
    }

    [Fact]
    public async Task A_broken_signal_costs_only_latency()
    {
        await using var first = await World.Start();
        await using var second = await first.StartAnother(adapters: new Adapters(Signal: new BrokenSignal()));

        await first.Open("1");
        await first.Until(() => second.Node.Tail.Position.Value == 1, tick: TimeSpan.FromMilliseconds(200));
    }

    private static async Task<List<RecordedEvent>> Follow(Log log, LogFilter filter, int count, long after = 0)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(World.Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        var seen = new List<RecordedEvent>();
        await foreach (var page in log.Follow(filter, new Position(after), limit.Token))
        {
            seen.AddRange(page.Events);
            if (seen.Count >= count)
                break;
        }

        return seen;
    }

    private sealed class HandSignal : ISignal
    {
        private readonly Channel<bool> given = Channel.CreateUnbounded<bool>();
        private readonly TaskCompletionSource taken = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Taken => taken.Task;

        public void Give() => given.Writer.TryWrite(true);

        public async ValueTask Wait(CancellationToken cancel)
        {
            await given.Reader.ReadAsync(cancel);
            taken.TrySetResult();
        }
    }

    private sealed class BrokenSignal : ISignal
    {
        public ValueTask Wait(CancellationToken cancel) => throw new TimeoutException("planted");
    }
}
