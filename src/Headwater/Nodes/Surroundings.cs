namespace Headwater;

/// <summary>
/// Everything that differs from run to run: time, chance, ids and scheduling. It comes in through constructors, so that a
/// simulation can decide it all from one seed.
/// </summary>
internal sealed record Surroundings(TimeProvider Time, TaskScheduler Scheduler, Random Random, Func<Guid> NewId)
{
    public static Surroundings Real(TimeProvider time) =>
        new(time, TaskScheduler.Default, new Random(), new TimeOrderedIds(time).Next);

    /// <summary>
    /// How those who wait for something are woken. On the thread pool they must not run inside the call that wakes them. A
    /// scheduler of its own queues them in any case, and the flag would send combinators such as <see cref="Task.WhenAny(Task[])"/>
    /// through the thread pool, past that scheduler.
    /// </summary>
    public TaskCreationOptions Waking =>
        Scheduler == TaskScheduler.Default ? TaskCreationOptions.RunContinuationsAsynchronously : TaskCreationOptions.None;

    /// <summary>
    /// Cancels without running those who wait for it inside the call; by itself that happens through the thread pool, which a
    /// scheduler of its own does not need.
    /// </summary>
    public void Cancel(CancellationTokenSource source)
    {
        if (Scheduler == TaskScheduler.Default)
            _ = source.CancelAsync();
        else
            source.Cancel();
    }

    /// <summary>A number above zero, by chance.</summary>
    public int NextNumber()
    {
        lock (Random)
            return Random.Next(1, int.MaxValue);
    }

    /// <summary>Starts a loop that runs until it ends by itself or is cancelled.</summary>
    public Task Start(Func<Task> loop) =>
        Task.Factory.StartNew(loop, CancellationToken.None, TaskCreationOptions.DenyChildAttach, Scheduler).Unwrap();

    public Task Delay(TimeSpan time, CancellationToken cancel) => Task.Delay(time, Time, cancel);

    /// <summary>
    /// How long to wait before trying again: doubling from 100 ms to 5 s with the failures so far, and a random half of it,
    /// so that those who failed together do not come back together.
    /// </summary>
    public TimeSpan Backoff(int failures)
    {
        var ceiling = Math.Min(100 << Math.Min(failures, 6), 5000);
        lock (Random)
            return TimeSpan.FromMilliseconds(ceiling / 2.0 + Random.NextDouble() * ceiling / 2.0);
    }
}
