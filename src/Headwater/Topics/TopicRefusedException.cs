namespace Headwater;

/// <summary>Why something could not be done with a topic.</summary>
public enum TopicRefusal
{
    /// <summary>There is no topic of that name.</summary>
    UnknownTopic,

    /// <summary>A key, a member or what a message is by is empty, too long, or has control characters.</summary>
    BadKey,

    /// <summary>The message's name is none, or means something else to clients.</summary>
    BadName,

    /// <summary>The message is no JSON.</summary>
    NotJson,

    /// <summary>The message is larger than the topic allows.</summary>
    TooLarge,

    /// <summary>The topic has as many keys, or the key as many members, as it may have.</summary>
    Full,

    /// <summary>The member was joined by somebody else.</summary>
    NotYours,
}

/// <summary>What was asked of a topic is refused, and nothing was done.</summary>
public sealed class TopicRefusedException : Exception
{
    internal TopicRefusedException(TopicRefusal refusal, string message)
        : base(message) => Refusal = refusal;

    /// <summary>Why.</summary>
    public TopicRefusal Refusal { get; }
}
