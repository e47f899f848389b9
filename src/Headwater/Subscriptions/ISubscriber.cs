namespace Headwater;

/// <summary>What a subscription's loop drives: something that has a checkpoint and handles batches.</summary>
internal interface ISubscriber
{
    string Name { get; }

    LogFilter Filter { get; }

    ErrorPolicy OnError { get; }

    /// <summary>Records the fence of a new owner, if it is higher, and says where the subscriber stands; see <see cref="ICheckpointStore.Claim"/>.</summary>
    ValueTask<Checkpoint> Claim(long fence, CancellationToken cancel);

    /// <summary>Handles a batch and moves the checkpoint.</summary>
    /// <returns>False if the checkpoint stood elsewhere; nothing was changed.</returns>
    /// <exception cref="EventHandlingException">
    /// The handler threw; what came before that event is handled and saved, and <see cref="EventHandlingException.Before"/> says so.
    /// </exception>
    ValueTask<bool> Handle(Checkpoint from, LogPage page, CancellationToken cancel);

    /// <summary>Records that an event is passed over, and moves the checkpoint to it.</summary>
    /// <returns>False if the checkpoint stood elsewhere; nothing was changed.</returns>
    ValueTask<bool> Skip(Checkpoint from, RecordedEvent happened, string error, CancellationToken cancel);
}

/// <summary>A handler threw at an event.</summary>
internal sealed class EventHandlingException(RecordedEvent happened, Exception cause) : Exception(
    $"The event at position {happened.Position} (stream '{happened.Stream}', version {happened.Version}, type '{happened.Type}') " +
    $"could not be handled: {cause.GetType().Name}: {cause.Message}", cause)
{
    public RecordedEvent Happened { get; } = happened;

    /// <summary>Where the subscriber stands: everything before the event is handled and saved.</summary>
    public Checkpoint Before { get; private init; }

    public EventHandlingException At(Checkpoint before) => new(Happened, InnerException!) { Before = before };
}
