using System.Text.Json;

namespace Headwater;

/// <summary>Says what a feed sends, under which contracts, and to whom.</summary>
public sealed class FeedBuilder
{
    private readonly ApplicationJson json;
    private readonly Dictionary<Type, Func<EventContract>> contracts = [];
    private readonly FollowRules rules = new();
    private LogFilter? filter;
    private Func<string, LogFilter?>? filterOfKey;
    private string? model;
    private Contract? rowContract;
    private int? maxLag;

    internal FeedBuilder(string name, ApplicationJson json)
    {
        Name = Names.Check(name, "feed");
        this.json = json;
    }

    internal string Name { get; }

    /// <summary>Sends the events of a category; with a key, those of one stream.</summary>
    public FeedBuilder Events(string category)
    {
        filter = new LogFilter.Category(category);
        filterOfKey = key => StreamId.IsKey(key, category) ? new LogFilter.OneStream(new StreamId(category, key)) : null;
        return this;
    }

    /// <summary>Sends the events that carry a tag; the key is the tag's value and must be given.</summary>
    public FeedBuilder EventsByTag(string tag)
    {
        filter = null;
        filterOfKey = key => new LogFilter.Tagged(new Tag(tag, key));
        return this;
    }

    /// <summary>Lets an event type leave, in the shape of a contract. Event types without one stay inside.</summary>
    /// <typeparam name="TEvent">The event type as it is stored.</typeparam>
    /// <typeparam name="TContract">The public shape.</typeparam>
    /// <param name="name">The contract's name, which is the event's name on the wire.</param>
    /// <param name="map">Makes the public shape of an event.</param>
    /// <param name="version">The version of the public shape; from 2 on it is part of the name on the wire (<c>name.v2</c>).</param>
    public FeedBuilder Contract<TEvent, TContract>(string name, Func<TEvent, RecordedEvent, TContract> map, int version = 1)
    {
        ArgumentNullException.ThrowIfNull(map);
        var contract = Headwater.Contract.Create(name, version);
        contracts[typeof(TEvent)] = () =>
        {
            // Looked up at the start: JSON that is missing must not be found out by the first client.
            var shape = json.Of<TContract>();
            return new EventContract(contract, happened => JsonSerializer.SerializeToUtf8Bytes(map((TEvent)happened.Event, happened), shape));
        };
        return this;
    }

    /// <summary>Sends the rows of a read model as they change; with a key, one row.</summary>
    /// <param name="readModel">The projection's name.</param>
    /// <param name="contract">The contract's name, which is the event's name on the wire.</param>
    /// <param name="version">The version of the row's shape.</param>
    public FeedBuilder Rows(string readModel, string contract, int version = 1)
    {
        model = readModel;
        rowContract = Headwater.Contract.Create(contract, version);
        return this;
    }

    /// <summary>Lets everybody follow it. It then has no other rule.</summary>
    public FeedBuilder AllowAnonymous()
    {
        rules.AllowEverybody();
        return this;
    }

    /// <summary>
    /// Lets those follow it whom a rule allows. The rule is asked at every start and resume, and of live streams again and again
    /// (<see cref="HeadwaterOptions.RecheckRules"/>). With several rules, all must allow it.
    /// </summary>
    public FeedBuilder Allow(FeedRule allowed)
    {
        rules.Add(allowed);
        return this;
    }

    /// <summary>Lets those follow it whom a rule allows that needs the application's services.</summary>
    /// <param name="rule">Makes the rule; called once, when the application starts, with the application's own services.</param>
    public FeedBuilder Allow(Func<IServiceProvider, FeedRule> rule)
    {
        rules.Add(rule);
        return this;
    }

    /// <summary>
    /// Bounds how far a client may fall behind that had caught up and then takes its bytes more slowly than events come: beyond it
    /// the connection is closed with its cursor, from which the client may go on. Without it such a client lags, which costs the server
    /// nothing but a cursor. Choose it well above the largest burst, which even a quick client takes a moment to receive. On a connection
    /// that follows several feeds the smallest bound holds.
    /// </summary>
    /// <param name="events">How many places of the log, at least 1.</param>
    public FeedBuilder MaxLag(int events)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(events, 1);
        maxLag = events;
        return this;
    }

    internal Feed Build(IServiceProvider services, Func<string, ViewTail?> viewTail)
    {
        var all = rules.Build(services, $"The feed '{Name}'");
        if (filterOfKey is not null && model is null)
            return contracts.Count > 0
                ? new EventFeed(Name, all, filter, filterOfKey, contracts.ToDictionary(each => each.Key, each => each.Value()))
                {
                    IsPublic = rules.IsPublic,
                    MaxLag = maxLag,
                }
                : throw new InvalidOperationException($"The feed '{Name}' has no contract, so nothing could leave; add Contract<,>(...).");
        if (model is not null && maxLag is not null)
            throw new InvalidOperationException(
                $"The feed '{Name}' sends rows, each in its newest state, so its clients cannot lag behind by events; leave MaxLag out.");
        if (model is not null && filterOfKey is null)
            return viewTail(model) is { } tail
                ? new ViewFeed(Name, all, rowContract!, tail) { IsPublic = rules.IsPublic }
                : throw new InvalidOperationException($"The feed '{Name}' sends the rows of '{model}', and there is no projection of that name with rows.");
        throw new InvalidOperationException($"The feed '{Name}' must send either events (Events, EventsByTag) or rows (Rows).");
    }
}
