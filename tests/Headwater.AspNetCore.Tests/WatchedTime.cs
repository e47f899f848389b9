using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;

namespace Headwater.AspNetCore.Tests;

/// <summary>A clock that stands still, and knows what is waited for.</summary>
internal sealed class WatchedTime : FakeTimeProvider
{
    /// <summary>After what times somebody asked to be woken.</summary>
    public ConcurrentBag<TimeSpan> Timers { get; } = [];

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Timers.Add(dueTime);
        return base.CreateTimer(callback, state, dueTime, period);
    }
}
