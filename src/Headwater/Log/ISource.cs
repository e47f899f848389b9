namespace Headwater;

/// <summary>
/// The port of what brings events into the log that happened elsewhere, such as in another application's database. It runs with
/// the application from its start to its end, and remembers in the log's own transaction how far it has come.
/// </summary>
public interface ISource
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>What it is doing, as far as this process knows.</summary>
    SourceStatus Status { get; }

    /// <summary>Takes over what happens there until cancelled. It handles its own errors, and shows them in <see cref="Status"/>.</summary>
    /// <param name="log">The log it appends to.</param>
    /// <param name="cancel">Ends it.</param>
    Task Run(Log log, CancellationToken cancel);
}

/// <summary>What a source is doing.</summary>
public enum SourceState
{
    /// <summary>It has not begun yet.</summary>
    Starting,

    /// <summary>Another node takes over the same; this one begins when that one ends.</summary>
    Standby,

    /// <summary>It takes over what happens.</summary>
    Live,

    /// <summary>It cannot read there or append here just now; it tries again.</summary>
    Retrying,

    /// <summary>It cannot go on by itself; the failure says what must be done.</summary>
    Stopped,
}

/// <summary>What a source is doing, and how far it is behind.</summary>
/// <param name="Name">Its name.</param>
/// <param name="State">What it is doing.</param>
/// <param name="Position">Everything before it is in the log, in the source's own terms; null as long as that is not known.</param>
/// <param name="LagBytes">How many bytes the source has written since, whether or not they concern it; null if that is not known.</param>
/// <param name="Lag">For how long there has been something it has not taken over.</param>
/// <param name="RetainedBytes">How many bytes the source keeps for it and could throw away without it; null if that is not known.</param>
/// <param name="Failure">What went wrong, if it is stopped or retrying; what it waits for, if it stands by.</param>
public sealed record SourceStatus(
    string Name, SourceState State, string? Position, long? LagBytes, TimeSpan Lag, long? RetainedBytes, string? Failure);
