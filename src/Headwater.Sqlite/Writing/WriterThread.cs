using System.Collections.Concurrent;

namespace Headwater;

/// <summary>One thread for the writer, so that waiting for the disk holds up nobody else's work.</summary>
internal sealed class WriterThread : TaskScheduler, IDisposable
{
    private readonly BlockingCollection<Task> queue = [];

#pragma warning disable RS0030 // This is the scheduler that the application's writer runs on; a simulation gives another one.
    private readonly Thread thread;

    public WriterThread()
    {
        thread = new Thread(Run) { IsBackground = true, Name = "Headwater SQLite writer" };
        thread.Start();
    }
#pragma warning restore RS0030

    public override int MaximumConcurrencyLevel => 1;

    /// <summary>Lets the thread end when its work is done.</summary>
    public void Dispose() => queue.CompleteAdding();

    protected override void QueueTask(Task task) => queue.Add(task);

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => [.. queue];

    private void Run()
    {
        foreach (var task in queue.GetConsumingEnumerable())
            TryExecuteTask(task);
        queue.Dispose();
    }
}
