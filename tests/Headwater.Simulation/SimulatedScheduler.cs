namespace Headwater.Simulation;

/// <summary>
/// Holds the tasks of one process until the world runs one of them. Nothing runs inline and nothing on another thread, so the
/// order in which tasks run is the world's choice alone.
/// </summary>
internal sealed class SimulatedScheduler(string name, World world) : TaskScheduler
{
    private readonly int thread = Environment.CurrentManagedThreadId;
    private readonly List<Task> runnable = [];
    private volatile bool isDead;

    public string Name => name;

    public int Runnable => runnable.Count;

    /// <summary>How often it is chosen, compared with the others: some processes are slower.</summary>
    public int Speed { get; init; } = 1;

    public override int MaximumConcurrencyLevel => 1;

    public void Run(int which)
    {
        var task = runnable[which];
        runnable[which] = runnable[^1];
        runnable.RemoveAt(runnable.Count - 1);
        TryExecuteTask(task);
    }

    /// <summary>The process is gone, and with it all it was about to do.</summary>
    public void Die()
    {
        isDead = true;
        runnable.Clear();
    }

    protected override void QueueTask(Task task)
    {
        if (isDead)
            return;
        if (Environment.CurrentManagedThreadId != thread)
            world.Escaped(name);
        else
            runnable.Add(task);
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => [.. runnable];
}
