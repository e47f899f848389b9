using System.Data.Common;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>
/// Everything of Headwater that runs in one process, put together from what the application declared and the stores it chose.
/// </summary>
internal sealed partial class Node : IDisposable, IAsyncDisposable
{
    private readonly HeadwaterBuilder declared;
    private readonly Surroundings surroundings;
    private readonly List<SubscriptionLoop> loops = [];
    private readonly List<ViewTail> viewTails = [];
    private readonly Tombstones tombstones;
    private readonly ICheckpointStore checkpoints;
    private readonly Dictionary<string, ReadModelDatabase> databases;
    private readonly ILogger logger;
    private readonly CancellationTokenSource stopping = new();
    private readonly Meter meter = new(Telemetry.Name);
    private readonly TopicRings? rings;
    private readonly Hints? hints;
    private Task[] running = [];

    public Node(
        HeadwaterBuilder declared, IServiceProvider services, ILogStore logStore, IReadModelStore readModels, ICheckpointStore checkpoints,
        ISignal? signal, ILeaseStore? leaseStore, Surroundings surroundings, ILoggerFactory loggers, IWatermark? watermark = null)
    {
        Watermark = watermark;
        this.declared = declared;
        this.surroundings = surroundings;
        this.checkpoints = checkpoints;
        logger = loggers.CreateLogger<Node>();
        var options = declared.Options;
        var types = declared.BuildEventTypes();
        Check(declared);

        var own = new ReadModelDatabase(readModels, checkpoints);
        databases = declared.Databases.ToDictionary(each => each.Key, each => each.Value(services));
        Tail = new LogTail(logStore, signal, types, options, surroundings, loggers.CreateLogger<LogTail>());
        Projections = [.. declared.Projections.Select(each => new Projection(
            each.Schema, each.Filter, each.Policy, each.IsInline, each.KeyedByCategory, each.Handler(services),
            each.Database is { } name ? databases[name] : own, types, options, surroundings))];
        Log = new Log(logStore, types, Tail, options, surroundings, Projections.Where(projection => projection.IsInline),
            loggers.CreateLogger<Log>());

        var subscriptions = declared.Subscriptions.Select(each =>
            new Subscription(each.Name, each.Filter, each.Policy, each.Handler(services), checkpoints, surroundings.Time));
        ISubscriber[] subscribers = [.. Projections.Where(projection => !projection.IsInline), .. subscriptions];
        if (leaseStore is not null)
            Leases = new Leases(
                leaseStore, Self(surroundings), [.. subscribers.Where(IsShared).Select(subscriber => subscriber.Name)], options, surroundings,
                loggers.CreateLogger<Leases>());
        foreach (var subscriber in subscribers)
            loops.Add(new SubscriptionLoop(
                subscriber, Log, IsShared(subscriber) ? Leases : null, surroundings, options, loggers.CreateLogger<SubscriptionLoop>()));

        var rowModels = declared.Projections.Where(each => each.RowType is not null).Select(each => each.Name).ToHashSet();
        foreach (var projection in Projections.Where(projection => rowModels.Contains(projection.Name)))
        {
            var hints = Leases is null || projection.IsInline || projection.Database.IsLocal ? null : Tail.Hinted;
            viewTails.Add(new ViewTail(projection, Tail, hints, options, surroundings, loggers.CreateLogger<ViewTail>()));
            ReadModels[projection.Name] = new ReadModel(projection, Log, hints, surroundings);
        }

        foreach (var feed in declared.Feeds)
            Feeds[feed.Name] = feed.Build(services, model => viewTails.Find(tail => tail.Name == model));
        if (declared.Topics.Count > 0)
        {
            rings = new TopicRings(options, surroundings);
            foreach (var topic in declared.Topics)
                Feeds[topic.Name] = topic.Build(services, rings);
            var topics = Feeds.Values.OfType<TopicFeed>().ToDictionary(feed => feed.Name, feed => feed.Topic);
            Topics = new Topics(rings, topics, declared.Json, Tail);
            if (services.GetService<ITopicBroker>() is { } broker)
                rings.Exchange = new TopicExchange(broker, rings, topics, surroundings, loggers.CreateLogger<TopicExchange>());
            meter.CreateObservableGauge("headwater.topic.keys", () => rings.Count, "{key}", "Keys of topics that are kept.");
        }

        meter.CreateObservableGauge("headwater.subscription.lag.events",
            () => Lags(at => Math.Max(0, Tail.Position.Value - at.Value)), "{event}", "How many places of the log a subscription is behind.");
        meter.CreateObservableGauge("headwater.subscription.lag.time",
            () => Lags(at => Tail.AgeAfter(at).TotalSeconds), "s", "How long ago the first event was recorded that a subscription has not handled.");
        if (watermark is not null)
            meter.CreateObservableGauge("headwater.watermark.wait.time",
                () => watermark.Status.Waiting.TotalSeconds, "s", "For how long readers have been waiting for one transaction that has appended and is open.");
        if (signal is IBroadcastSignal broadcast)
            hints = new Hints(
                broadcast,
                [() => Tail.Appended, .. Projections.Where(projection => !projection.Database.IsLocal).Select<Projection, Func<Task>>(projection => () => projection.Changed.Next)],
                options, surroundings, loggers.CreateLogger<Hints>());
        Sources = [.. services.GetServices<ISource>()];
        meter.CreateObservableGauge("headwater.source.lag.bytes",
            () => SourceLags(status => status.LagBytes ?? 0), "By", "How many bytes a source has written that are not taken over yet.");
        meter.CreateObservableGauge("headwater.source.lag.time",
            () => SourceLags(status => status.Lag.TotalSeconds), "s", "For how long there has been something at a source that is not taken over yet.");
        tombstones = new Tombstones(Projections, Log, options, surroundings, loggers.CreateLogger<Tombstones>());
    }

    public Log Log { get; }

    public LogTail Tail { get; }

    public IReadOnlyList<Projection> Projections { get; }

    public Dictionary<string, ReadModel> ReadModels { get; } = [];

    public Dictionary<string, Feed> Feeds { get; } = [];

    /// <summary>What clients tell each other at the moment; null if no topic was declared.</summary>
    public Topics? Topics { get; }

    /// <summary>How far the log can be read, if the store knows more of it than its end.</summary>
    public IWatermark? Watermark { get; }

    /// <summary>What this node runs of what several nodes share; null if each of them runs everything.</summary>
    public Leases? Leases { get; }

    public IReadOnlyList<ISource> Sources { get; }

    public HeadwaterOptions Options => declared.Options;

    public ApplicationJson Json => declared.Json;

    public TimeProvider Time => surroundings.Time;

    /// <summary>Whether commands and queries can be answered.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Cancelled when the node begins to stop.</summary>
    public CancellationToken Stopping => stopping.Token;

    /// <summary>A random part of a time, so that those who begin or end together do not come back together.</summary>
    public TimeSpan Jitter(TimeSpan atMost)
    {
        lock (surroundings.Random)
            return surroundings.Random.NextDouble() * atMost;
    }

    /// <summary>Starts a loop on the node's scheduler.</summary>
    public Task Begin(Func<Task> loop) => surroundings.Start(loop);

    /// <summary>Starts to follow the log, and returns once commands and queries can be answered.</summary>
    public async Task Start(CancellationToken cancel)
    {
        foreach (var projection in Projections)
            await projection.Prepare(cancel);

        var tail = surroundings.Start(() => Tail.Run(Stopping));
        running = [tail];
        await Tail.Ready.WaitAsync(cancel);
        foreach (var (name, database) in databases)
            await database.Check(name, await Log.Head(cancel), Projections.Where(projection => projection.Database == database), cancel);
        foreach (var projection in Projections.Where(projection => projection.IsInline))
            await CatchUp(projection, cancel);

        running =
        [
            tail,
            .. Leases is { } leases ? [surroundings.Start(() => leases.Run(Stopping))] : Array.Empty<Task>(),
            .. loops.Select(loop => surroundings.Start(() => loop.Run(Stopping))),
            .. viewTails.Select(view => surroundings.Start(() => view.Run(Stopping))),
            surroundings.Start(() => tombstones.Run(Stopping)),
            .. SharedSignals().Select(signal => surroundings.Start(() => Tail.Hear(signal, Stopping))),
            .. Sources.Select(source => surroundings.Start(() => source.Run(Log, Stopping))),
            .. Optional().Select(run => surroundings.Start(() => run(Stopping))),
        ];
        await Task.WhenAll(viewTails.Select(view => view.Ready)).WaitAsync(cancel);
        foreach (var feed in Feeds.Values.Where(feed => !feed.HasRule))
            LogFeedWithoutRule(logger, feed.Name);
        IsReady = true;
    }

    /// <summary>What runs only where it was asked for.</summary>
    private IEnumerable<Func<CancellationToken, Task>> Optional()
    {
        if (hints is not null)
            yield return hints.Run;
        if (rings is not null)
            yield return rings.Run;
        if (rings?.Exchange is { } exchange)
            yield return exchange.Run;
    }

    /// <summary>Stops everything; what was saved stays, and the rest is done at the next start.</summary>
    public async Task Stop()
    {
        IsReady = false;
        await stopping.CancelAsync();
        await Task.WhenAll(running);

        // Only now: the next owner must not begin while a loop of this node is still at work.
        if (Leases is not null)
            await Leases.Release();
    }

    public void Dispose()
    {
        stopping.Cancel();
        stopping.Dispose();
        meter.Dispose();
    }

    /// <summary>
    /// Stops, if nobody has: a host whose start failed further on, at a port that is taken say, is disposed without being stopped,
    /// and the stores are disposed next.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await Stop();
        stopping.Dispose();
        meter.Dispose();
    }

    /// <summary>
    /// What subscriptions and projections are doing, as far as this process knows: it is asked most when the store cannot be.
    /// </summary>
    public async ValueTask<IReadOnlyList<SubscriptionStatus>> Status(CancellationToken cancel)
    {
        var statuses = loops.ConvertAll(loop => Describe(loop.Name, loop.Progress));
        for (var i = 0; i < loops.Count; i++)
            if (loops[i].Progress is { State: SubscriptionState.Standby } standby)
                statuses[i] = Describe(loops[i].Name, await Elsewhere(loops[i], standby, cancel));
        foreach (var projection in Projections.Where(projection => projection.IsInline))
        {
            try
            {
                var at = await projection.LoadCheckpoint(cancel);
                statuses.Add(Describe(projection.Name, new SubscriptionProgress(
                    at.Position < Tail.Position ? SubscriptionState.CatchingUp : SubscriptionState.Live, at, null)));
            }
            catch (DbException e)
            {
                statuses.Add(Describe(projection.Name, new SubscriptionProgress(SubscriptionState.Retrying, default, e.Message)));
            }
        }

        return statuses;
    }

    public ValueTask<IReadOnlyList<SkippedEvent>> Skipped(string name, int limit, CancellationToken cancel) =>
        (Projections.FirstOrDefault(each => each.Name == name)?.Database.Checkpoints ?? checkpoints).ReadSkipped(name, limit, cancel);

    /// <summary>Lets a stopped subscription or projection try again where it stands.</summary>
    public void Restart(string name)
    {
        var loop = Loop(name);
        if (loop.IsLeased && Leases is { } leases && leases.Held(name) is null)
            throw new InvalidOperationException(leases.Nodes.FirstOrDefault(node => node.Id == leases.OwnerOf(name)) is { } owner
                ? $"'{name}' is run by node {owner.Id} on {owner.Host} (process {owner.ProcessId}); restart it there."
                : $"'{name}' is run by no node just now, and begins where it stands once one has its lease.");
        loop.Restart();
    }

    /// <summary>Empties a projection and builds it again from the first event.</summary>
    public async ValueTask Rebuild(string name, CancellationToken cancel)
    {
        var projection = Projections.FirstOrDefault(each => each.Name == name)
            ?? throw new ArgumentException($"There is no projection '{name}'; there are {string.Join(", ", Projections.Select(each => each.Name))}.", nameof(name));
        await projection.Reset(cancel);
        if (projection.IsInline)
            await CatchUp(projection, cancel);
        else
            Loop(name).Restart();
    }

    /// <summary>Brings an inline projection to the end of the log in batches, so that no append must do it all at once.</summary>
    private async ValueTask CatchUp(Projection projection, CancellationToken cancel)
    {
        while (true)
        {
            var from = await projection.LoadCheckpoint(cancel);
            var page = await Log.Read(projection.Filter, from.Position, Options.PageSize, cancel);
            if (page.Next <= from.Position)
                return;
            await projection.Handle(from, page, cancel);
        }
    }

    private IEnumerable<Measurement<T>> Lags<T>(Func<Position, T> lag)
        where T : struct =>
        loops.Where(loop => loop.Progress.State is not SubscriptionState.Standby).Select(loop => new Measurement<T>(
            lag(loop.Progress.Checkpoint.Position), new KeyValuePair<string, object?>("headwater.subscription.name", loop.Name)));

    private IEnumerable<Measurement<T>> SourceLags<T>(Func<SourceStatus, T> lag)
        where T : struct =>
        Sources.Select(source => new Measurement<T>(lag(source.Status), new KeyValuePair<string, object?>("headwater.source.name", source.Name)));

    private SubscriptionStatus Describe(string name, SubscriptionProgress progress)
    {
        var (state, at, failure) = progress;
        return new SubscriptionStatus(
            name, state, at.Position, at.Generation, Math.Max(0, Tail.Position.Value - at.Position.Value), Tail.AgeAfter(at.Position), failure, Leases?.OwnerOf(name));
    }

    /// <summary>What another node does can be seen in the store alone.</summary>
    private static async ValueTask<SubscriptionProgress> Elsewhere(SubscriptionLoop loop, SubscriptionProgress standby, CancellationToken cancel)
    {
        try
        {
            return standby with { Checkpoint = await loop.Stored(cancel) };
        }
        catch (DbException)
        {
            return standby;
        }
    }

    private static bool IsShared(ISubscriber subscriber) => subscriber is not Projection { Database.IsLocal: true };

    /// <summary>What other nodes do to the rows that one of them keeps for all.</summary>
    private IEnumerable<ISignal> SharedSignals() =>
        Leases is null ? [] : databases.Values.Where(database => !database.IsLocal).Select(database => database.Signal).OfType<ISignal>();

    private static NodeInfo Self(Surroundings surroundings) => new(
        surroundings.NewId().ToString("N")[^12..], Environment.MachineName, Environment.ProcessId, surroundings.Time.GetUtcNow());

    private SubscriptionLoop Loop(string name) => loops.Find(loop => loop.Name == name)
        ?? throw new ArgumentException($"There is no subscription '{name}'; there are {string.Join(", ", loops.Select(loop => loop.Name))}.", nameof(name));

    private static void Check(HeadwaterBuilder declared)
    {
        var names = declared.Projections.Select(each => each.Name).Concat(declared.Subscriptions.Select(each => each.Name));
        var mistakes = declared.Options.Mistakes()
            .Concat(declared.Projections.SelectMany(each => each.Mistakes(declared.Json, declared.Databases.Keys)))
            .Concat(declared.Subscriptions.Select(each => SubscriptionBuilder.Mistake(each.Name, each.Policy)).OfType<string>())
            .Concat(Twice(names, "projection or subscription"))
            .Concat(Twice(declared.Feeds.Select(each => each.Name).Concat(declared.Topics.Select(each => each.Name)), "feed or topic"))
            .ToList();
        if (mistakes.Count > 0)
            throw new InvalidOperationException($"Headwater cannot start:{Environment.NewLine}- {string.Join($"{Environment.NewLine}- ", mistakes)}");
    }

    private static IEnumerable<string> Twice(IEnumerable<string> names, string what) =>
        from name in names group name by name into same where same.Count() > 1 select $"There are {same.Count()} of the {what} '{same.Key}'; names are unique.";

    [LoggerMessage(40, LogLevel.Warning, "The feed '{Feed}' has no rule, so nobody may follow it; add AllowAnonymous, Allow or RequireAuthorization.")]
    private static partial void LogFeedWithoutRule(ILogger logger, string feed);
}
