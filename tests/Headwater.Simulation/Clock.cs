namespace Headwater.Simulation;

/// <summary>The world's time. It stands still until the world moves it to the next timer.</summary>
internal sealed class Clock
{
    private readonly PriorityQueue<Timer, (long Due, long Number)> timers = new();
    private long created;

    public static DateTimeOffset Beginning { get; } = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Since the beginning.</summary>
    public TimeSpan Elapsed { get; private set; }

    /// <summary>Moves on to the next timer and fires it. What waits for it is queued on its scheduler.</summary>
    /// <returns>False if nobody waits for time.</returns>
    public bool Advance()
    {
        while (timers.TryDequeue(out var timer, out var when))
        {
            if (!timer.IsDue(when.Number))
                continue;
            Elapsed = TimeSpan.FromTicks(Math.Max(Elapsed.Ticks, when.Due));
            timer.Fire();
            return true;
        }

        return false;
    }

    /// <summary>The time as one process sees it: its wall clock may be wrong, and its timers end with it.</summary>
    public sealed class Of(Clock clock, TimeSpan skew) : TimeProvider
    {
        private bool isDead;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => Beginning + clock.Elapsed + skew;

        public override long GetTimestamp() => clock.Elapsed.Ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(clock, this, () => callback(state));
            timer.Change(dueTime, period);
            return timer;
        }

        public void Die() => isDead = true;

        public bool IsDead => isDead;
    }

    private sealed class Timer(Clock clock, Of process, Action fire) : ITimer
    {
        private long number;    // of the entry in the queue that counts; the others are left over from changes
        private TimeSpan every;

        public bool IsDue(long entry) => entry == number && !process.IsDead;

        public void Fire()
        {
            number = 0;
            if (every > TimeSpan.Zero)
                Change(every, every);
            fire();
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            number = 0;
            every = period;
            if (dueTime < TimeSpan.Zero)
                return true;
            number = ++clock.created;
            clock.timers.Enqueue(this, ((clock.Elapsed + dueTime).Ticks, number));
            return true;
        }

        public void Dispose() => number = 0;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
