namespace Headwater;

/// <summary>
/// Wakes everybody who waits, and carries nothing. Whoever waits takes <see cref="Next"/> first, then looks whether there is
/// something to do, and only then awaits it; so a pulse between the look and the wait is not lost.
/// </summary>
/// <param name="waking">How waiters are woken; see <see cref="Surroundings.Waking"/>.</param>
internal sealed class Pulse(TaskCreationOptions waking = TaskCreationOptions.RunContinuationsAsynchronously)
{
    private TaskCompletionSource next = new(waking);

    public Task Next => Volatile.Read(ref next).Task;

    public void Beat() => Interlocked.Exchange(ref next, new(waking)).TrySetResult();
}
