using System.Security.Claims;

namespace Headwater;

/// <summary>Who asks to follow a feed.</summary>
/// <param name="User">The user, perhaps not authenticated.</param>
/// <param name="Feed">The feed's name.</param>
/// <param name="Key">The stream or row asked for, or null for all.</param>
public sealed record FeedSubscriber(ClaimsPrincipal User, string Feed, string? Key)
{
    /// <summary>What the transport knows of who asks, for a rule that is made for that transport.</summary>
    internal object? Caller { get; init; }
}

/// <summary>
/// Decides whether a subscriber may follow a feed. It is asked again at every resume, and of live streams again and again
/// (<see cref="HeadwaterOptions.RecheckRules"/>). A stream whose rule throws ends, and its client comes back and asks again.
/// </summary>
public delegate ValueTask<bool> FeedRule(FeedSubscriber subscriber, CancellationToken cancel);

/// <summary>What a client may follow.</summary>
internal abstract class Feed(string name, IReadOnlyList<FeedRule> rules)
{
    private readonly object deliveries = new();

    public string Name => name;

    /// <summary>Whether everybody may follow it, so that what it tells may be kept by caches that many share.</summary>
    public bool IsPublic { get; init; }

    /// <summary>How many places of the log a client that had caught up may fall behind before it is let go; null for any number.</summary>
    public int? MaxLag { get; init; }

    public bool HasRule => IsPublic || rules.Count > 0;

    /// <summary>Whether nobody was told of an event by this feed yet; true once for each instance of it.</summary>
    public bool IsFirstDelivery(RecordedEvent happened) => happened.Derive(deliveries, static (_, _) => new Delivery()).Begin();

    /// <summary>Nobody may follow a feed that has no rule; of several, all must allow it.</summary>
    public async ValueTask<bool> Allows(FeedSubscriber subscriber, CancellationToken cancel)
    {
        foreach (var rule in rules)
            if (!await rule(subscriber, cancel))
                return false;
        return HasRule;
    }

    private sealed class Delivery
    {
        private int hasBegun;

        public bool Begin() => Volatile.Read(ref hasBegun) == 0 && Interlocked.Exchange(ref hasBegun, 1) == 0;
    }
}

/// <summary>A feed of events: every event that has a contract.</summary>
internal sealed class EventFeed(
    string name, IReadOnlyList<FeedRule> rules, LogFilter? filter, Func<string, LogFilter?> filterOfKey, IReadOnlyDictionary<Type, EventContract> contracts)
    : Feed(name, rules)
{
    /// <summary>What belongs to the feed as a whole, or null if a key must be given.</summary>
    public LogFilter? Filter => filter;

    /// <summary>What belongs to a key, or null if there can be no such key.</summary>
    public LogFilter? FilterOf(string key) => filterOfKey(key);

    /// <summary>The event's frame, made once; null if no contract is registered for its type.</summary>
    public Frame? FrameOf(RecordedEvent happened) => happened.Derive(this, static (recorded, feed) => feed.Make(recorded));

    private Frame? Make(RecordedEvent happened) =>
        contracts.TryGetValue(happened.Event.GetType(), out var contract) ? contract.Encode(happened) : null;
}

/// <summary>A feed of a read model's rows: the newest state of each row that changed.</summary>
internal sealed class ViewFeed(string name, IReadOnlyList<FeedRule> rules, Contract contract, ViewTail tail) : Feed(name, rules)
{
    public ViewTail Tail => tail;

    public Frame FrameOf(ViewChange change) => change.FrameFor(contract);
}

/// <summary>A topic, as clients follow it: what happens at the moment, which nobody keeps.</summary>
internal sealed class TopicFeed(string name, IReadOnlyList<FeedRule> rules, Topic topic, TopicRings rings) : Feed(name, rules)
{
    public Topic Topic => topic;

    public TopicRings Rings => rings;
}

/// <summary>How one event type leaves: under which contract, as what.</summary>
internal sealed class EventContract(Contract contract, Func<RecordedEvent, byte[]> serialize)
{
    public Frame Encode(RecordedEvent happened) => new(contract.WireName, serialize(happened));
}
