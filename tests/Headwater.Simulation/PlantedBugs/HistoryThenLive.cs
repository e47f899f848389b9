using System.Runtime.CompilerServices;

namespace Headwater.Simulation;

/// <summary>Reads the history to its end and then subscribes to what is new. What happens in between belongs to neither.</summary>
internal sealed class HistoryThenLive : PlantedBug
{
    private readonly ConditionalWeakTable<FeedSession, HistoryThenLive> live = [];

    public override async ValueTask<FeedSession> CaughtUp(FeedSession session, Func<ValueTask<FeedSession>> beginNow)
    {
        if (live.TryGetValue(session, out _))
            return session;
        var subscribed = await beginNow();
        live.Add(subscribed, this);
        return subscribed;
    }
}
