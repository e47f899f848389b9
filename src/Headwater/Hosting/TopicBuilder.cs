namespace Headwater;

/// <summary>Says who may follow a topic, publish to it and be a member there, and how much of it is kept.</summary>
public sealed class TopicBuilder
{
    private readonly FollowRules rules = new();
    private Topic topic;

    internal TopicBuilder(string name) => topic = new Topic(Names.Check(name, "topic"));

    internal string Name => topic.Name;

    /// <summary>Lets everybody follow it, and see who is there. It then has no other rule. To publish needs a rule of its own.</summary>
    public TopicBuilder AllowAnonymous()
    {
        rules.AllowEverybody();
        return this;
    }

    /// <summary>
    /// Lets those follow it, and see who is there, whom a rule allows. The rule is asked at every start and resume, and of live streams again
    /// and again (<see cref="HeadwaterOptions.RecheckRules"/>). With several rules, all must allow it.
    /// </summary>
    public TopicBuilder Allow(FeedRule allowed)
    {
        rules.Add(allowed);
        return this;
    }

    /// <summary>Lets those follow it, and see who is there, whom a rule allows that needs the application's services.</summary>
    /// <param name="rule">Makes the rule; called once, when the application starts, with the application's own services.</param>
    public TopicBuilder Allow(Func<IServiceProvider, FeedRule> rule)
    {
        rules.Add(rule);
        return this;
    }

    /// <summary>
    /// Lets those clients publish whom a rule allows. Without it none can; the application itself always can (<see cref="Topics.Publish{T}"/>).
    /// What they publish is theirs alone: it is told to others as it came, so whose it is should be checked by the rule
    /// (<see cref="TopicCaller.By"/>) where that matters.
    /// </summary>
    public TopicBuilder AllowPublish(TopicRule allowed)
    {
        topic = topic with { PublishRule = allowed };
        return this;
    }

    /// <summary>Lets those clients be members whom a rule allows. Without it none can.</summary>
    /// <param name="allowed">The rule; <see cref="TopicCaller.By"/> is the member's name.</param>
    /// <param name="expiry">How long a member may be silent before it has left; 30 s by default, at least 1 s.</param>
    /// <param name="perKey">How many members a key may have; 1,000 by default.</param>
    public TopicBuilder AllowMembers(TopicRule allowed, TimeSpan? expiry = null, int perKey = 1000)
    {
        if (expiry is { } given)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(given, TimeSpan.FromSeconds(1), nameof(expiry));
            topic = topic with { MemberExpiry = given };
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(perKey, 1);
        topic = topic with { JoinRule = allowed, MaxMembers = perKey };
        return this;
    }

    /// <summary>Bounds what each key keeps for those who come back after a moment. What is beyond it is dropped, oldest first.</summary>
    /// <param name="messages">How many messages; 256 by default.</param>
    /// <param name="bytes">How many bytes of memory they may take; 1 MiB by default.</param>
    /// <param name="age">How long a message is kept; 5 minutes by default.</param>
    public TopicBuilder Keep(int? messages = null, int? bytes = null, TimeSpan? age = null)
    {
        topic = topic with { MaxMessages = messages ?? topic.MaxMessages, MaxBytes = bytes ?? topic.MaxBytes, MaxAge = age ?? topic.MaxAge };
        ArgumentOutOfRangeException.ThrowIfLessThan(topic.MaxMessages, 1, nameof(messages));
        ArgumentOutOfRangeException.ThrowIfLessThan(topic.MaxBytes, 1024, nameof(bytes));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(topic.MaxAge, TimeSpan.Zero, nameof(age));
        return this;
    }

    /// <summary>Bounds the size of a message, and of what a member says about itself.</summary>
    /// <param name="bytes">Bytes of JSON; 16 KiB by default.</param>
    public TopicBuilder MaxMessageBytes(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 2);
        topic = topic with { MaxMessageBytes = bytes };
        return this;
    }

    /// <summary>Bounds how many keys there can be at a time.</summary>
    /// <param name="keys">The number; 10,000 by default.</param>
    public TopicBuilder MaxKeys(int keys)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keys, 1);
        topic = topic with { MaxKeys = keys };
        return this;
    }

    /// <summary>
    /// Keeps only the newest message of each name and of whom it is by: for what is a state, such as a pointer or a progress. Who begins to
    /// follow gets these first.
    /// </summary>
    public TopicBuilder LatestByKey()
    {
        topic = topic with { IsLatestByKey = true };
        return this;
    }

    internal TopicFeed Build(IServiceProvider services, TopicRings rings) =>
        new(Name, rules.Build(services, $"The topic '{Name}'"), topic, rings) { IsPublic = rules.IsPublic };
}
