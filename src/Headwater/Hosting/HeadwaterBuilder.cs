using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Headwater;

/// <summary>Says what an application keeps, reads and sends.</summary>
public sealed class HeadwaterBuilder
{
    private readonly List<JsonSerializerContext> contexts = [];
    private readonly List<Func<ApplicationJson, IEnumerable<EventType>>> eventTypes = [];

    internal HeadwaterBuilder(IServiceCollection services)
    {
        Services = services;
        Json = new ApplicationJson(contexts);
    }

    /// <summary>Where adapters register their stores.</summary>
    public IServiceCollection Services { get; }

    internal HeadwaterOptions Options { get; } = new();

    internal ApplicationJson Json { get; }

    internal Dictionary<string, Func<IServiceProvider, ReadModelDatabase>> Databases { get; } = [];

    internal List<ProjectionBuilder> Projections { get; } = [];

    internal List<SubscriptionBuilder> Subscriptions { get; } = [];

    internal List<FeedBuilder> Feeds { get; } = [];

    internal List<TopicBuilder> Topics { get; } = [];

    /// <summary>Changes settings. They are checked when this is called and the application starts.</summary>
    public HeadwaterBuilder Configure(Action<HeadwaterOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        configure(Options);
        return this;
    }

    /// <summary>Keeps everything in memory, for tests and first steps. Nothing survives the process.</summary>
    public HeadwaterBuilder UseMemory()
    {
        Services.TryAddSingleton(provider =>
        {
            var time = provider.GetService<TimeProvider>() ?? TimeProvider.System;
            return new MemoryStore(time, Surroundings.Real(time).NewId);
        });
        Services.TryAddSingleton<ILogStore>(provider => provider.GetRequiredService<MemoryStore>());
        Services.TryAddSingleton<IReadModelStore>(provider => provider.GetRequiredService<MemoryStore>());
        Services.TryAddSingleton<ICheckpointStore>(provider => provider.GetRequiredService<MemoryStore>());
        return this;
    }

    /// <summary>
    /// Adds a database other than the log's, in which projections can keep their rows and checkpoints (<see cref="ProjectionBuilder.KeptIn"/>).
    /// Adapters call it.
    /// </summary>
    /// <param name="name">Its name in this application.</param>
    /// <param name="open">Gives its stores; called once, when the application starts.</param>
    /// <exception cref="ArgumentException">The name is taken, or is none.</exception>
    public HeadwaterBuilder AddReadModels(string name, Func<IServiceProvider, ReadModelDatabase> open)
    {
        ArgumentNullException.ThrowIfNull(open);
        return Databases.TryAdd(Names.Check(name, "database"), open)
            ? this
            : throw new ArgumentException($"A database for read models named '{name}' was added before.", nameof(name));
    }

    /// <summary>Gives the source-generated JSON of events, commands, states, rows and contracts. May be called several times.</summary>
    public HeadwaterBuilder UseJson(JsonSerializerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        contexts.Add(context);
        return this;
    }

    /// <summary>Adds a kind of stream, and the types of its events.</summary>
    /// <typeparam name="TState">The state the events fold into.</typeparam>
    /// <typeparam name="TEvent">
    /// The events' base type. Its <see cref="JsonDerivedTypeAttribute"/>s give each event the stable name it is stored under.
    /// </typeparam>
    /// <param name="category">The category of its streams, such as <c>flight</c>.</param>
    /// <param name="configure">Schema versions and tags, if there are any.</param>
    public HeadwaterBuilder AddStream<TState, TEvent>(string category, Action<StreamType<TState, TEvent>>? configure = null)
        where TState : IState<TState, TEvent>
        where TEvent : notnull
    {
        var type = new StreamType<TState, TEvent>(category);
        configure?.Invoke(type);
        eventTypes.Add(json => EventTypesOf<TEvent>(json, type.SchemaVersionOf));
        Services.AddSingleton(provider => new Decider<TState, TEvent>(provider.GetRequiredService<Log>(), type, Options));
        return this;
    }

    /// <summary>
    /// Adds types of events that no decider makes: those an application without event sourcing publishes from its own transactions.
    /// </summary>
    /// <typeparam name="TEvent">
    /// The events' base type. Its <see cref="JsonDerivedTypeAttribute"/>s give each event the stable name it is stored under.
    /// </typeparam>
    public HeadwaterBuilder AddEvents<TEvent>()
        where TEvent : notnull
    {
        eventTypes.Add(json => EventTypesOf<TEvent>(json, _ => 1));
        return this;
    }

    /// <summary>Adds a projection whose rows Headwater stores.</summary>
    /// <typeparam name="TProjection">The projection; it is made once, by dependency injection.</typeparam>
    /// <typeparam name="TRow">Its rows.</typeparam>
    /// <param name="name">The name of the projection and its read model, such as <c>board</c>.</param>
    /// <param name="configure">What it reads, by which fields its rows are found, whether it is inline.</param>
    public HeadwaterBuilder AddProjection<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TProjection, TRow>(
        string name, Action<ProjectionBuilder>? configure = null)
        where TProjection : class, IProjection<TRow>
        where TRow : class
    {
        Services.TryAddSingleton<TProjection>();
        return Add(new ProjectionBuilder(name, provider => new RowsHandler<TRow>(provider.GetRequiredService<TProjection>(), Json.Of<TRow>()))
        {
            RowType = typeof(TRow),
        }, configure);
    }

    /// <summary>Adds a projection that writes SQL tables of its own.</summary>
    /// <typeparam name="TProjection">The projection; it is made once, by dependency injection.</typeparam>
    /// <param name="name">The projection's name.</param>
    /// <param name="configure">What it reads, whether it is inline.</param>
    public HeadwaterBuilder AddSqlProjection<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TProjection>(
        string name, Action<ProjectionBuilder>? configure = null)
        where TProjection : class, ISqlProjection
    {
        Services.TryAddSingleton<TProjection>();
        return Add(new ProjectionBuilder(name, provider => new TablesHandler(provider.GetRequiredService<TProjection>())), configure);
    }

    /// <summary>Adds a subscription: a named cursor the server keeps, and a handler.</summary>
    /// <typeparam name="THandler">The handler; it is made once, by dependency injection.</typeparam>
    /// <param name="name">The subscription's name; with an event's position it is the key to make effects idempotent with.</param>
    /// <param name="configure">What it reads, and what it does about errors.</param>
    public HeadwaterBuilder AddSubscription<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        string name, Action<SubscriptionBuilder>? configure = null)
        where THandler : class, ISubscriptionHandler
    {
        Services.TryAddSingleton<THandler>();
        var subscription = new SubscriptionBuilder(name, provider => provider.GetRequiredService<THandler>());
        configure?.Invoke(subscription);
        Subscriptions.Add(subscription);
        return this;
    }

    /// <summary>Adds a feed: what clients may follow, and who may.</summary>
    /// <param name="name">Its name in URLs.</param>
    /// <param name="configure">What it sends, under which contracts, to whom. Without a rule nobody may follow it.</param>
    public HeadwaterBuilder AddFeed(string name, Action<FeedBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var feed = new FeedBuilder(name, Json);
        configure(feed);
        Feeds.Add(feed);
        return this;
    }

    /// <summary>
    /// Adds a topic: what clients tell each other at the moment, such as presence, typing or progress, which may be lost. It is followed
    /// like a feed, so feeds and topics share their names.
    /// </summary>
    /// <param name="name">Its name in URLs.</param>
    /// <param name="configure">Who may follow it, publish to it and be a member; how much it keeps. Without a rule nobody may.</param>
    public HeadwaterBuilder AddTopic(string name, Action<TopicBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var topic = new TopicBuilder(name);
        configure(topic);
        Topics.Add(topic);
        return this;
    }

    internal EventTypes BuildEventTypes() => new([.. eventTypes.SelectMany(types => types(Json))]);

    private HeadwaterBuilder Add(ProjectionBuilder projection, Action<ProjectionBuilder>? configure)
    {
        configure?.Invoke(projection);
        Projections.Add(projection);
        return this;
    }

    private static IEnumerable<EventType> EventTypesOf<TEvent>(ApplicationJson json, Func<Type, int> schemaVersion)
    {
        var derived = json.Of<TEvent>().PolymorphismOptions?.DerivedTypes ?? [];
        if (derived.Count == 0)
            throw new InvalidOperationException(
                $"{typeof(TEvent)} names no events: give it [JsonDerivedType(typeof(...), \"stable-name\")] for each of them.");
        foreach (var type in derived)
        {
            if (type.TypeDiscriminator is not string { Length: > 0 } name)
                throw new InvalidOperationException(
                    $"{type.DerivedType} has no stable name: give its JsonDerivedType attribute on {typeof(TEvent)} a name as second argument.");
            yield return new EventType(type.DerivedType, name, schemaVersion(type.DerivedType), json.Of(type.DerivedType));
        }
    }
}
