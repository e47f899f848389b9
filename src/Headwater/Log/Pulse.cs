namespace Headwater;

/// <summary>
/// Wakes everybody who waits, and carries nothing. Whoever waits takes <see cref="Next"/> first, then looks whether there is
/// something to do, and only then awaits it; so a pulse between the look and the wait is not lost.
/// </summary>
internal sealed class Pulse
{
    private TaskCompletionSource next = Create();

    public Task Next => Volatile.Read(ref next).Task;

    public void Beat() => Interlocked.Exchange(ref next, Create()).TrySetResult();

    private static TaskCompletionSource Create() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
