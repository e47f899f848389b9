namespace Headwater;

/// <summary>
/// A signal that knows nothing of the store, such as one through a message broker: it is told when something happened here, to pass that on.
/// Where there is one, it takes the place of the store's own.
/// </summary>
public interface IBroadcastSignal : ISignal
{
    /// <summary>Tells the other processes that something may have happened. It need not reach them.</summary>
    ValueTask Ring(CancellationToken cancel);
}
