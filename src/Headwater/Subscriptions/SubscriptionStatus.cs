namespace Headwater;

/// <summary>What a subscription or projection is doing.</summary>
public enum SubscriptionState
{
    /// <summary>It has not begun yet.</summary>
    Starting,

    /// <summary>It works on events it has not handled yet.</summary>
    CatchingUp,

    /// <summary>It has handled everything and waits.</summary>
    Live,

    /// <summary>Its store cannot be reached or refuses; it tries again.</summary>
    Retrying,

    /// <summary>Its handler threw; it stands before that event until it is restarted or rebuilt.</summary>
    Stopped,

    /// <summary>Another node runs it, or is about to; this one takes over when that one ends.</summary>
    Standby,
}

/// <summary>What a subscription or projection is doing, and how far it is behind.</summary>
/// <param name="Name">Its name.</param>
/// <param name="State">What it is doing.</param>
/// <param name="Position">Everything at or below it is handled.</param>
/// <param name="Generation">How often it was started anew from zero.</param>
/// <param name="LagEvents">How many places of the log it is behind.</param>
/// <param name="Lag">
/// How long ago the first event it has not handled was recorded; zero if there is none. At least so long, if that event has left
/// the memory of the process.
/// </param>
/// <param name="Failure">What went wrong, naming the event, if it is stopped or retrying.</param>
/// <param name="Owner">
/// The id of the node that runs it; null if nobody does just now, and where there are no leases, so that each process runs it.
/// </param>
public sealed record SubscriptionStatus(
    string Name, SubscriptionState State, Position Position, int Generation, long LagEvents, TimeSpan Lag, string? Failure, string? Owner = null);
