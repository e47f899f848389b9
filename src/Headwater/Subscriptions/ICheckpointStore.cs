namespace Headwater;

/// <summary>The port behind the cursors the server keeps.</summary>
public interface ICheckpointStore
{
    /// <summary>Where a subscription stands; at the start if it is new.</summary>
    ValueTask<Checkpoint> Load(string subscription, CancellationToken cancel);

    /// <summary>
    /// Records the fence of a new owner, if it is higher than the one on record, so that nobody saves any more who loaded before.
    /// Position and generation stay.
    /// </summary>
    /// <param name="subscription">Its name.</param>
    /// <param name="fence">The fence that came with the lease; 0 without leases, which changes nothing.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>Where it stands. If its fence is higher than the one given, somebody else has become the owner since.</returns>
    ValueTask<Checkpoint> Claim(string subscription, long fence, CancellationToken cancel);

    /// <summary>Moves a subscription from one place to another; generation and fence stay.</summary>
    /// <param name="subscription">Its name.</param>
    /// <param name="from">Where it stands, as far as the caller knows.</param>
    /// <param name="to">Where it is to stand.</param>
    /// <param name="skipped">An event passed over on the way, to be recorded in the same transaction, or null.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>False if it stands elsewhere, because another process moved it; nothing was changed.</returns>
    ValueTask<bool> Save(string subscription, Checkpoint from, Position to, SkippedEvent? skipped, CancellationToken cancel);

    /// <summary>The events a subscription passed over, newest first.</summary>
    ValueTask<IReadOnlyList<SkippedEvent>> ReadSkipped(string subscription, int limit, CancellationToken cancel);
}

/// <summary>Where a subscription or projection stands.</summary>
/// <param name="Position">Everything at or below it is handled.</param>
/// <param name="Generation">How often it was started anew from zero.</param>
/// <param name="Fence">Grows with each change of its owner, so that a former owner's saves are refused; 0 without leases.</param>
public readonly record struct Checkpoint(Position Position, int Generation, long Fence = 0)
{
    internal Checkpoint Claim(long fence) => fence > Fence ? this with { Fence = fence } : this;
}

/// <summary>An event a subscription could not handle and passed over.</summary>
/// <param name="Position">Its place in the log.</param>
/// <param name="Stream">Its stream.</param>
/// <param name="Type">The name of its type.</param>
/// <param name="Error">What went wrong.</param>
/// <param name="At">When it was passed over.</param>
public sealed record SkippedEvent(Position Position, StreamId Stream, string Type, string Error, DateTimeOffset At);
