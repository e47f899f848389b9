namespace Headwater.Simulation;

/// <summary>A mistake that systems like this one are made with, put round the ports or into a client to see whether it is found.</summary>
internal class PlantedBug
{
    public static PlantedBug None { get; } = new();

    /// <summary>The ports of a node with the mistake in them.</summary>
    public virtual Stores In(Stores stores, World world) => stores;

    /// <summary>The cursor a client resumes with.</summary>
    public virtual string Resume(string cursor) => cursor;

    /// <summary>What a client goes on with once it has read everything there was.</summary>
    public virtual ValueTask<FeedSession> CaughtUp(FeedSession session, Func<ValueTask<FeedSession>> beginNow) => ValueTask.FromResult(session);
}
