namespace Headwater.Tests;

/// <summary>A handler that keeps what it handled.</summary>
internal class Recorder : ISubscriptionHandler
{
    private readonly List<long> handled = [];

    /// <summary>Called before each event; a test may wait or throw here.</summary>
    public Func<RecordedEvent, ValueTask> Before { get; set; } = _ => ValueTask.CompletedTask;

    public IReadOnlyList<long> Handled
    {
        get
        {
            lock (handled)
                return [.. handled];
        }
    }

    public async ValueTask Handle(RecordedEvent happened, CancellationToken cancel)
    {
        await Before(happened);
        lock (handled)
            handled.Add(happened.Position.Value);
    }
}

/// <summary>A second one, for a second subscription.</summary>
internal sealed class OtherRecorder : Recorder;
