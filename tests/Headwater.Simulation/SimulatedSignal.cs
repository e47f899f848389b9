namespace Headwater.Simulation;

/// <summary>A bell that other processes ring; what is rung while nobody waits is kept, once.</summary>
internal sealed class SimulatedSignal(Faults faults) : ISignal
{
    private TaskCompletionSource rung = new();

    public async ValueTask Wait(CancellationToken cancel)
    {
        faults.Throw("signal");
        await rung.Task.WaitAsync(cancel);
        rung = new TaskCompletionSource();
    }

    public void Ring() => rung.TrySetResult();
}
