namespace Headwater;

/// <summary>What a subscription's loop drives: something that has a checkpoint and handles batches.</summary>
internal interface ISubscriber
{
    string Name { get; }

    LogFilter Filter { get; }

    ErrorPolicy OnError { get; }

    ValueTask<Checkpoint> LoadCheckpoint(CancellationToken cancel);

    /// <summary>Handles a batch and moves the checkpoint.</summary>
    /// <returns>False if the checkpoint stood elsewhere; nothing was changed.</returns>
    /// <exception cref="EventHandlingException">The handler threw; what came before that event is handled and saved.</exception>
    ValueTask<bool> Handle(Checkpoint from, LogPage page, CancellationToken cancel);

    ValueTask<bool> Skip(Checkpoint from, RecordedEvent happened, string error, CancellationToken cancel);
}

/// <summary>A handler threw at an event; everything before it is handled and saved.</summary>
internal sealed class EventHandlingException(RecordedEvent happened, Exception cause) : Exception(
    $"The event at position {happened.Position} (stream '{happened.Stream}', version {happened.Version}, type '{happened.Type}') " +
    $"could not be handled: {cause.GetType().Name}: {cause.Message}", cause)
{
    public RecordedEvent Happened { get; } = happened;
}
