using System.Text.Json.Serialization;
using Headwater.Postgres.Servers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Headwater.Postgres.Tests;

/// <summary>Read models in another database than the log's.</summary>
public sealed class SecondDatabaseTests : IAsyncLifetime
{
    private const string Name = "elsewhere";

    private readonly TestSchema log = new();
    private readonly string folder = Directory.CreateTempSubdirectory("hw-models-").FullName;
    private string logAt = "";
    private string modelsAt = "";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        logAt = await TestServer.Oldest.ConnectionString("Maximum Pool Size=10;");
        var server = await PostgresServer.Shared;
        modelsAt = server.ConnectionString(await server.CreateDatabase(), "Maximum Pool Size=10");
    }

    public async ValueTask DisposeAsync()
    {
        await log.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task What_was_written_is_read_from_another_database_and_the_log_s_own_has_no_row()
    {
        await using var node = await Start(InPostgres);
        foreach (var parcel in new[] { "a", "b", "a" })
        {
            var at = await node.Move(parcel);
            Assert.True(await node.Model.WaitFor(parcel, at, TimeSpan.FromSeconds(30), Cancel));
        }

        Assert.Equal(2, await node.MovesOf("a"));
        Assert.Equal(1, await node.MovesOf("b"));
        Assert.Equal(0L, await log.Run("SELECT (SELECT count(*) FROM {schema}.rows) + (SELECT count(*) FROM {schema}.checkpoints)"));
    }

    [Fact]
    public async Task One_of_two_nodes_keeps_them_and_the_other_hears_of_it()
    {
        // Polling is so slow here that only a hint of the other database can be in time.
        void Slow(HeadwaterBuilder headwater) => InPostgres(headwater.Configure(options => options.PollInterval = TimeSpan.FromMinutes(5)));
        await using var one = await Start(Slow);
        await using var two = await Start(Slow);
        var standby = await Standby(one, two);
        var tail = standby.Tail;

        for (var i = 0; i < 20; i++)
        {
            var advanced = tail.Advanced;
            var at = await standby.Move("a");
            while (tail.At.Position < at)
            {
                await advanced.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
                advanced = tail.Advanced;
            }
        }

        Assert.Equal(20, await standby.MovesOf("a"));
    }

    [Fact]
    public async Task Another_node_goes_on_with_them_and_no_event_counts_twice()
    {
        var one = await Start(InPostgres);
        await using var two = await Start(InPostgres);
        Position last = default;
        for (var i = 0; i < 30; i++)
        {
            last = await two.Move("a");
            if (i == 15)
                await one.DisposeAsync();
        }

        Assert.True(await two.Model.WaitFor(null, last, TimeSpan.FromSeconds(60), Cancel));
        Assert.Equal(30, await two.MovesOf("a"));
    }

    [Fact]
    public async Task Each_node_keeps_a_file_of_its_own_up_to_date()
    {
        await using var one = await Start(headwater => InFile(headwater, "one"));
        await using var two = await Start(headwater => InFile(headwater, "two"));
        var at = await one.Move("a");
        foreach (var node in new[] { one, two })
        {
            Assert.True(await node.Model.WaitFor("a", at, TimeSpan.FromSeconds(30), Cancel));
            Assert.Equal(1, await node.MovesOf("a"));
        }

        // Each of them builds its own again, and the other's stays.
        await one.Subscriptions.Rebuild("parcels", Cancel);
        Assert.True(await one.Model.WaitFor("a", at, TimeSpan.FromSeconds(30), Cancel));
        Assert.Equal((1, 0), ((await one.Model.ReadRow("a", Cancel)).State.Checkpoint.Generation, (await two.Model.ReadRow("a", Cancel)).State.Checkpoint.Generation));
    }

    [Fact]
    public async Task The_log_may_be_a_file_and_the_read_models_in_PostgreSQL()
    {
        await using var node = await Start(headwater => InPostgres(headwater), Path.Combine(folder, "log.db"));
        var at = await node.Move("a");
        Assert.True(await node.Model.WaitFor("a", at, TimeSpan.FromSeconds(30), Cancel));
        Assert.Equal(1, await node.MovesOf("a"));
    }

    [Fact]
    public async Task A_database_made_from_another_log_is_refused()
    {
        await using (await Start(InPostgres))
        {
        }

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => Start(InPostgres, Path.Combine(folder, "log.db")));
        Assert.Contains("'elsewhere' were made from another log", refused.Message, StringComparison.Ordinal);
        Assert.Contains("empty that database", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_passed_over_is_recorded_where_the_rows_are()
    {
        await using var node = await Start(headwater => InPostgres(headwater, ErrorPolicy.Skip));
        await node.Move(Parcels.Cursed);
        var at = await node.Move("a");
        Assert.True(await node.Model.WaitFor(null, at, TimeSpan.FromSeconds(30), Cancel));

        Assert.Equal([1L], (await node.Subscriptions.Skipped("parcels", 10, Cancel)).Select(skipped => skipped.Position.Value));
    }

    [Fact]
    public async Task Tables_of_a_projection_s_own_may_be_there_too()
    {
        await using var node = await Start(headwater => headwater
            .AddSqliteReadModels(Name, Path.Combine(folder, "tables.db")).AddSqlProjection<Types>("parcels", each => each.KeptIn(Name)));
        await node.Move("a");
        await node.Move("a");
        await Soon.Is(async () => (await node.Subscriptions.Status(Cancel)).Single().Position == new Position(2));

        await using var file = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(folder, "tables.db")};Pooling=False");
        await file.OpenAsync(Cancel);
        await using var count = file.CreateCommand();
        count.CommandText = "SELECT count(*) FROM types";
        Assert.Equal(2L, await count.ExecuteScalarAsync(Cancel));
    }

    private void InPostgres(HeadwaterBuilder headwater) => InPostgres(headwater, ErrorPolicy.Stop);

    private void InPostgres(HeadwaterBuilder headwater, ErrorPolicy onError) => headwater
        .AddPostgresReadModels(Name, modelsAt)
        .AddProjection<Parcels, Parcel>("parcels", each => each.KeptIn(Name).OnError(onError));

    private void InFile(HeadwaterBuilder headwater, string file) => headwater
        .AddSqliteReadModels(Name, Path.Combine(folder, $"{file}.db"))
        .AddProjection<Parcels, Parcel>("parcels", each => each.KeptIn(Name));

    private async Task<TestNode> Start(Action<HeadwaterBuilder> declare, string? file = null) => await TestNode.Start(headwater =>
    {
        if (file is null)
            headwater.UsePostgres(logAt, log.Name);
        else
            headwater.UseSqlite(file);
        declare(headwater);
    });

    /// <summary>The node that does not run the projection, once one does.</summary>
    private static async Task<TestNode> Standby(TestNode one, TestNode two)
    {
        TestNode? found = null;
        await Soon.Is(async () =>
        {
            var states = new[] { (await one.Subscriptions.Status(Cancel)).Single().State, (await two.Subscriptions.Status(Cancel)).Single().State };
            found = states switch
            {
                [SubscriptionState.Live, SubscriptionState.Standby] => two,
                [SubscriptionState.Standby, SubscriptionState.Live] => one,
                _ => null,
            };
            return found is not null;
        });
        return found!;
    }

    private sealed class TestNode(IHost host) : IAsyncDisposable
    {
        private int disposed;

        public Subscriptions Subscriptions => host.Services.GetRequiredService<Subscriptions>();

        public ReadModel Model => Node.ReadModels["parcels"];

        public ViewTail Tail => ((ViewFeed)Node.Feeds["parcels"]).Tail;

        private Node Node => host.Services.GetRequiredService<Node>();

        public static async Task<TestNode> Start(Action<HeadwaterBuilder> declare)
        {
            var builder = Host.CreateEmptyApplicationBuilder(null);
            builder.Services.AddHeadwater(headwater =>
            {
                declare(headwater.UseJson(ParcelJson.Default).AddEvents<ParcelEvent>());
                if (headwater.Projections.Single().RowType is not null)
                    headwater.AddFeed("parcels", feed => feed.Rows("parcels", "parcel").AllowAnonymous());
            });
            var host = builder.Build();
            try
            {
                await host.StartAsync(Cancel);
                return new TestNode(host);
            }
            catch
            {
                await ((IAsyncDisposable)host).DisposeAsync();
                throw;
            }
        }

        public async Task<Position> Move(string parcel) => Assert.IsType<AppendResult.Appended>(await Node.Log.Append(
            new StreamId("parcel", parcel), ExpectedVersion.Any, [new ParcelEvent.Moved()], cancel: Cancel)).Position;

        public async Task<int> MovesOf(string parcel)
        {
            var page = await Model.ReadRow(parcel, Cancel);
            return System.Text.Json.JsonSerializer.Deserialize(Assert.Single(page.Rows).Data!.Value.Span, ParcelJson.Default.Parcel)!.Moves;
        }

        public async ValueTask DisposeAsync()
        {
            if (Interlocked.Exchange(ref disposed, 1) != 0)
                return;
            await host.StopAsync(CancellationToken.None);
            await ((IAsyncDisposable)host).DisposeAsync();
        }
    }
}

[JsonDerivedType(typeof(Moved), "moved")]
internal abstract record ParcelEvent
{
    internal sealed record Moved : ParcelEvent;
}

internal sealed record Parcel(int Moves);

[JsonSerializable(typeof(ParcelEvent))]
[JsonSerializable(typeof(Parcel))]
internal sealed partial class ParcelJson : JsonSerializerContext;

internal sealed class Parcels : IProjection<Parcel>
{
    public const string Cursed = "cursed";

    public async ValueTask Apply(RecordedEvent happened, Rows<Parcel> rows, CancellationToken cancel)
    {
        if (happened.Stream.Key == Cursed)
            throw new InvalidOperationException("It cannot be moved.");
        var before = await rows.Get(happened.Stream.Key, cancel);
        rows.Set(happened.Stream.Key, new Parcel(1 + (before?.Moves ?? 0)));
    }
}
