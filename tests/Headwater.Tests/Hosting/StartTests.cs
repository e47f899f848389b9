using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Headwater.Tests;

/// <summary>What an application declares is checked when it starts, and every mistake is told at once, with what to do.</summary>
public sealed class StartTests
{
    [Fact]
    public async Task In_memory_it_starts_and_stops_with_the_host_and_everything_can_be_injected()
    {
        await using var services = Services(headwater => headwater.UseMemory()
            .UseJson(OrdersJson.Default).AddStream<Order, OrderEvent>("order")
            .AddProjection<OrderRows, OrderRow>("orders", projection => projection.Inline()));
        var host = services.GetRequiredService<IHostedService>();
        await host.StartAsync(World.Cancel);

        var accepted = await services.GetRequiredService<Decider<Order, OrderEvent>>().Execute("1", new Open("Ada"), cancel: World.Cancel);
        Assert.IsType<CommandResult<Order>.Accepted>(accepted);
        Assert.Equal(new Position(1), (await services.GetRequiredService<Log>().Head(World.Cancel)).Position);
        var status = Assert.Single(await services.GetRequiredService<Subscriptions>().Status(World.Cancel));
        Assert.Equal(("orders", SubscriptionState.Live, new Position(1)), (status.Name, status.State, status.Position));
        Assert.Same(services.GetRequiredService<ILogStore>(), services.GetRequiredService<IReadModelStore>());
        Assert.Same(services.GetRequiredService<ILogStore>(), services.GetRequiredService<ICheckpointStore>());
        Assert.True(services.GetRequiredService<Node>().IsReady);

        await host.StopAsync(World.Cancel);
        Assert.False(services.GetRequiredService<Node>().IsReady);
    }

    [Fact]
    public async Task Two_logs_have_two_epochs()
    {
        await using var first = await World.Start();
        await using var second = await World.Start();

        Assert.NotEqual((await first.Log.Head(World.Cancel)).Epoch, (await second.Log.Head(World.Cancel)).Epoch);
    }

    [Fact]
    public void Without_a_store_it_says_how_to_choose_one() =>
        Says(headwater => { }, "UseSqlite(path)", "UseMemory()");

    [Fact]
    public void An_application_has_one_log()
    {
        var services = new ServiceCollection().AddHeadwater(headwater => headwater.UseMemory());

        Assert.Throws<InvalidOperationException>(() => services.AddHeadwater(headwater => headwater.UseMemory()));
    }

    [Fact]
    public void Every_mistake_is_told_at_once() => Says(
        headwater => headwater.UseMemory().UseJson(OrdersJson.Default)
            .Configure(options => (options.PageSize, options.PollInterval) = (0, TimeSpan.Zero))
            .AddProjection<OrderRows, OrderRow>("orders", projection => projection.Index("colour"))
            .AddProjection<OrderRows, OrderRow>("orders", projection => projection.Inline().OnError(ErrorPolicy.Skip))
            .AddSubscription<Recorder>("mail", mail => mail.OnError(ErrorPolicy.Park))
            .AddFeed("f", Rows("orders")).AddFeed("f", Rows("orders")),
        "PageSize is 0; expected 1 to 10000", "PollInterval is 0 s; expected 0.001 to 3600",
        "indexes 'colour', which its rows do not have; they have customer, quantity", "There are 2 of the projection or subscription 'orders'",
        "'orders' cannot skip events", "'mail' asks for ErrorPolicy.Park, which needs jobs", "There are 2 of the feed or topic 'f'");

    [Fact]
    public void A_feed_must_say_what_it_sends()
    {
        Says(Memory(headwater => headwater.AddFeed("f", feed => feed.AllowAnonymous())), "'f' must send either events");
        Says(Memory(headwater => headwater.AddFeed("f", feed => feed.Events("order"))), "'f' has no contract");
        Says(Memory(headwater => headwater.AddFeed("f", feed => feed.Events("order").Contract<OrderEvent.Opened, Uri>("opened", (_, _) => new("urn:x")))), "There is no JSON for System.Uri");
        Says(Memory(headwater => headwater.AddFeed("f", Rows("nobody"))), "'f' sends the rows of 'nobody', and there is no projection");
        Says(Memory(headwater => headwater.AddFeed("F", Rows("nobody"))), "'F' is no name for a feed");
        Says(Memory(headwater => headwater.AddFeed("f", feed => feed.Rows("nobody", "reset"))), "'reset' is no contract name");
        Says(Memory(headwater => headwater.AddFeed("f", feed => feed.Rows("orders", "row").MaxLag(9))), "'f' sends rows", "leave MaxLag out");
        Says(Memory(headwater => headwater.AddFeed("f", feed => feed.Rows("nobody", "row", 0))), "version");
    }

    [Fact]
    public void A_projection_is_kept_in_a_database_that_was_added_and_never_inline()
    {
        Says(Memory(headwater => headwater.AddProjection<OrderRows, OrderRow>("orders", orders => orders.KeptIn("nowhere"))),
            "'orders' is kept in 'nowhere', and no database of that name was added", "AddPostgresReadModels");
        Says(Memory(headwater => headwater.AddReadModels("there", Elsewhere()).AddProjection<OrderRows, OrderRow>("orders", orders => orders.KeptIn("nowhere"))),
            "there are there");
        Says(Memory(headwater => headwater.AddReadModels("there", Elsewhere()).AddProjection<OrderRows, OrderRow>("orders", orders => orders.KeptIn("there").Inline())),
            "The inline projection 'orders' cannot be kept in 'there'");
        Says(Memory(headwater => headwater.AddReadModels("there", Elsewhere()).AddReadModels("there", Elsewhere())), "named 'there' was added before");
        Says(Memory(headwater => headwater.AddReadModels("Over there", Elsewhere())), "'Over there' is no name for a database");
    }

    [Fact]
    public async Task Read_models_of_a_log_that_is_an_older_copy_are_refused()
    {
        var rows = new MemoryStore(TimeProvider.System, Guid.NewGuid);
        await rows.Commit(new ProjectionCommit("orders", default, new Position(5), []), World.Cancel);
        await using var world = World.Create(headwater => headwater
            .AddReadModels("there", _ => new(rows, rows)).AddProjection<OrderRows, OrderRow>("orders", orders => orders.KeptIn("there")));

        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => world.Node.Start(World.Cancel));
        Assert.Contains("'orders' in 'there' stands at position 5, and the log ends at 0", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_and_categories_are_checked_where_they_are_given()
    {
        Says(Memory(headwater => headwater.AddProjection<OrderRows, OrderRow>("Two words")), "'Two words' is no name for a projection");
        Says(Memory(headwater => headwater.AddSubscription<Recorder>("")), "'' is no name for a subscription");
        Says(Memory(headwater => headwater.AddStream<Order, OrderEvent>("my-order")), "'my-order' is no stream category");
        Says(Memory(headwater => headwater.AddStream<Order, OrderEvent>("order", type => type.SchemaVersion<OrderEvent.Opened>(0))), "version");
    }

    [Fact]
    public void An_event_name_stands_for_one_type() =>
        Says(Memory(headwater => headwater.AddStream<Order, OrderEvent>("order").AddStream<Order, OrderEvent>("other")), "'opened' is registered for");

    [Fact]
    public void Events_need_names_and_json()
    {
        Says(Memory(headwater => headwater.AddStream<Nameless, Uri>("nameless")), "There is no JSON for System.Uri", "UseJson");
        Says(Memory(headwater => headwater.UseJson(NamelessJson.Default).AddStream<Nameless, Nameless>("nameless")), "names no events", "JsonDerivedType");
    }

    [Fact]
    public async Task A_projection_that_writes_tables_is_refused_without_a_database()
    {
        await using var services = Services(Memory(headwater => headwater.AddSqlProjection<Tables>("tables")));
        var thrown = await Assert.ThrowsAsync<NotSupportedException>(() =>
            services.GetRequiredService<IHostedService>().StartAsync(World.Cancel));

        Assert.Contains("'tables' writes SQL tables, and the memory store has none", thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Every_option_has_bounds_and_names_itself(string name, Action<HeadwaterOptions> set)
    {
        var options = new HeadwaterOptions();
        Assert.Empty(options.Mistakes());
        set(options);

        Assert.StartsWith($"HeadwaterOptions.{name} ", Assert.Single(options.Mistakes()), StringComparison.Ordinal);
    }

    public static TheoryData<string, Action<HeadwaterOptions>> Wrong => new()
    {
        { nameof(HeadwaterOptions.MaxEventBytes), options => options.MaxEventBytes = 100 << 20 },
        { nameof(HeadwaterOptions.TailEvents), options => options.TailEvents = 0 },
        { nameof(HeadwaterOptions.TailBytes), options => options.TailBytes = -1 },
        { nameof(HeadwaterOptions.PageSize), options => options.PageSize = 10_001 },
        { nameof(HeadwaterOptions.PollInterval), options => options.PollInterval = TimeSpan.FromDays(1) },
        { nameof(HeadwaterOptions.CommandRetries), options => options.CommandRetries = -1 },
        { nameof(HeadwaterOptions.MaxCommandBytes), options => options.MaxCommandBytes = 2 << 20 },
        { nameof(HeadwaterOptions.TombstoneRetention), options => options.TombstoneRetention = TimeSpan.Zero },
        { nameof(HeadwaterOptions.Heartbeat), options => options.Heartbeat = TimeSpan.Zero },
        { nameof(HeadwaterOptions.MaxFeedsPerConnection), options => options.MaxFeedsPerConnection = 0 },
        { nameof(HeadwaterOptions.AllowedOrigins), options => options.AllowedOrigins.Add("https://app.example.org/page") },
        { nameof(HeadwaterOptions.MaxConnections), options => options.MaxConnections = 0 },
        { nameof(HeadwaterOptions.MaxConnectionsPerUser), options => options.MaxConnectionsPerUser = 0 },
        { nameof(HeadwaterOptions.MaxConnectionsPerAddress), options => options.MaxConnectionsPerAddress = 0 },
        { nameof(HeadwaterOptions.MaxSubscriptionsPerUser), options => options.MaxSubscriptionsPerUser = 0 },
        { nameof(HeadwaterOptions.MaxSubscriptionsPerAddress), options => options.MaxSubscriptionsPerAddress = 0 },
        { nameof(HeadwaterOptions.MaxBytesPerSecond), options => options.MaxBytesPerSecond = -1 },
        { nameof(HeadwaterOptions.DrainSpread), options => options.DrainSpread = TimeSpan.FromHours(1) },
        { nameof(HeadwaterOptions.MaxConnectionAge), options => options.MaxConnectionAge = TimeSpan.FromDays(31) },
        { nameof(HeadwaterOptions.WriteTimeout), options => options.WriteTimeout = TimeSpan.Zero },
        { nameof(HeadwaterOptions.ExpiryWarning), options => options.ExpiryWarning = TimeSpan.FromSeconds(-1) },
        { nameof(HeadwaterOptions.RecheckRules), options => options.RecheckRules = TimeSpan.FromDays(2) },
        { nameof(HeadwaterOptions.MaxWait), options => options.MaxWait = TimeSpan.FromHours(1) },
        { nameof(HeadwaterOptions.LeaseDuration), options => options.LeaseDuration = TimeSpan.Zero },
        { nameof(HeadwaterOptions.TopicBytes), options => options.TopicBytes = 0 },
        { nameof(HeadwaterOptions.ReceiptRetention), options => options.ReceiptRetention = TimeSpan.Zero },
    };

    [Fact]
    public void No_option_goes_unchecked() => Assert.Equal(
        typeof(HeadwaterOptions).GetProperties().Select(property => property.Name).Order(), Wrong.Select(row => row.Data.Item1).Order());

    private static Action<HeadwaterBuilder> Memory(Action<HeadwaterBuilder> declare) =>
        headwater => declare(headwater.UseMemory().UseJson(OrdersJson.Default));

    private static Func<IServiceProvider, ReadModelDatabase> Elsewhere()
    {
        var store = new MemoryStore(TimeProvider.System, Guid.NewGuid);
        return _ => new(store, store);
    }

    private static Action<FeedBuilder> Rows(string model) => feed => feed.Rows(model, "row").AllowAnonymous();

    private static void Says(Action<HeadwaterBuilder> declare, params string[] parts)
    {
        var thrown = Assert.ThrowsAny<Exception>(() =>
        {
            using var services = Services(declare);
            services.GetRequiredService<IHostedService>();
        });
        Assert.True(thrown is InvalidOperationException or ArgumentException, thrown.ToString());
        Assert.All(parts, part => Assert.Contains(part, thrown.Message, StringComparison.Ordinal));
    }

    private static ServiceProvider Services(Action<HeadwaterBuilder> declare) => new ServiceCollection()
        .AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance).AddHeadwater(declare).BuildServiceProvider();

    private sealed class Tables : ISqlProjection
    {
        public ValueTask Create(System.Data.Common.DbTransaction transaction, CancellationToken cancel) => ValueTask.CompletedTask;

        public ValueTask Apply(RecordedEvent happened, System.Data.Common.DbTransaction transaction, CancellationToken cancel) => ValueTask.CompletedTask;

        public ValueTask Clear(System.Data.Common.DbTransaction transaction, CancellationToken cancel) => ValueTask.CompletedTask;
    }
}

public sealed record Nameless : IState<Nameless, Uri>, IState<Nameless, Nameless>
{
    static Nameless IState<Nameless, Uri>.Initial { get; } = new();

    static Nameless IState<Nameless, Nameless>.Initial { get; } = new();

    public static Nameless Evolve(Nameless state, Uri happened) => state;

    public static Nameless Evolve(Nameless state, Nameless happened) => state;
}

[JsonSerializable(typeof(Nameless))]
internal sealed partial class NamelessJson : JsonSerializerContext;
