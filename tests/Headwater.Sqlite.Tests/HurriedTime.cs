namespace Headwater.Sqlite.Tests;

/// <summary>A hundred times as fast as the real one.</summary>
internal sealed class HurriedTime : TimeProvider
{
    public override long GetTimestamp() => base.GetTimestamp() * 100;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(callback, state, dueTime / 100, period);
}
