namespace Headwater;

/// <summary>Does something about events, one by one, in order.</summary>
public interface ISubscriptionHandler
{
    /// <summary>
    /// Handles an event. After a crash an event may come again: the pair of the subscription's name and
    /// <see cref="RecordedEvent.Position"/> is the same then, and is the key to make the effect idempotent with.
    /// </summary>
    ValueTask Handle(RecordedEvent happened, CancellationToken cancel);
}
