namespace Headwater;

/// <summary>A named cursor the server keeps, and a handler whose effect lies outside of it.</summary>
internal sealed class Subscription(
    string name, LogFilter filter, ErrorPolicy onError, ISubscriptionHandler handler, ICheckpointStore checkpoints, TimeProvider time)
    : ISubscriber
{
    public string Name => name;

    public LogFilter Filter => filter;

    public ErrorPolicy OnError => onError;

    public ValueTask<Checkpoint> Claim(long fence, CancellationToken cancel) => checkpoints.Claim(name, fence, cancel);

    public async ValueTask<bool> Handle(Checkpoint from, LogPage page, CancellationToken cancel)
    {
        var done = from.Position;
        foreach (var happened in page.Events)
        {
            try
            {
                await handler.Handle(happened, cancel);
                done = happened.Position;
            }
            catch (Exception e) when (!cancel.IsCancellationRequested)
            {
                if (done > from.Position && !await checkpoints.Save(name, from, done, null, cancel))
                    return false;
                throw new EventHandlingException(happened, e).At(@from with { Position = done });
            }
        }

        return await checkpoints.Save(name, from, page.Next, null, cancel);
    }

    public ValueTask<bool> Skip(Checkpoint from, RecordedEvent happened, string error, CancellationToken cancel) =>
        checkpoints.Save(name, from, happened.Position,
            new SkippedEvent(happened.Position, happened.Stream, happened.Type, error, time.GetUtcNow()), cancel);
}
