using Headwater.Postgres.Servers;
using Headwater.Sqlite.Tests;
using Npgsql;

namespace Headwater.Postgres.Faults;

/// <summary>Promise 8, where it is the database that dies: nothing acknowledged is lost, and all goes on by itself when it is back.</summary>
public sealed class OutageTests
{
    private static readonly TimeSpan recovery = TimeSpan.FromSeconds(10);
    private static readonly string[] nextSteps = ["try again", "Lower the pools", "Make the pool larger"];

    [Fact]
    public Task A_restart_of_the_server_is_survived() => Survives(async (server, load) =>
    {
        await server.Stop();
        await load.Meets(50, "cannot be reached");
        await server.StartAgain();
    });

    [Fact]
    public Task A_crash_of_the_server_is_survived() => Survives(async (server, load) =>
    {
        await server.Kill();
        await load.Meets(50, "cannot be reached");
        await server.StartAgain();
    });

    [Fact]
    public Task The_loss_of_all_connections_is_survived_again_and_again() => Survives(async (server, load) =>
    {
        for (var i = 0; i < 5; i++)
        {
            await server.Execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'");
            await load.GoesOn(20);
        }
    });

    [Fact]
    public Task A_server_without_connections_to_spare_is_survived() => Survives(async (server, load) =>
    {
        var taken = new List<NpgsqlConnection>();
        try
        {
            // Taken from those who have them, until they meet with a refusal.
            while (load.Failures(of: "takes no more connections") < 10)
            {
                try
                {
                    var one = new NpgsqlConnection(server.ConnectionString(more: "Pooling=false"));
                    await one.OpenAsync();
                    taken.Add(one);
                    await using var terminate = new NpgsqlCommand(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'Headwater'", one);
                    await terminate.ExecuteScalarAsync();
                }
                catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.TooManyConnections)
                {
                    await load.Meets(1, "takes no more connections");
                }
            }
        }
        finally
        {
            foreach (var one in taken)
                await one.DisposeAsync();
        }
    }, new Dictionary<string, string> { ["max_connections"] = "20" });

    [Fact]
    public async Task A_full_disk_is_survived()
    {
        await using var disk = SmallDisk.Mount(megabytes: 150);
        var settings = new Dictionary<string, string> { ["min_wal_size"] = "32MB", ["max_wal_size"] = "64MB" };
        await Survives(async (_, load) =>
        {
            disk.Fill("filler");
            await load.Meets(50, "the server's disk is full");
            File.Delete(Path.Combine(disk.Folder, "filler"));
        }, settings, disk.Folder);
    }

    [Fact]
    public async Task A_pool_that_is_used_up_is_told_of_and_is_of_use_again_when_there_is_room()
    {
        var (server, schema) = (await PostgresServer.Shared, $"hw_{Guid.NewGuid():n}");
        await using var node = await TestNode.Start(server.ConnectionString(more: "Maximum Pool Size=4;Timeout=1"), schema);
        var following = node.Follow();
        await node.Log.Happen("first");

        // All that is to be known of one stream waits for somebody, and takes a connection each while it waits.
        await using var holder = new NpgsqlConnection(server.ConnectionString(more: "Pooling=false"));
        await holder.OpenAsync();
        await using var transaction = await holder.BeginTransactionAsync();
        await using (var hold = new NpgsqlCommand($"SELECT pg_advisory_xact_lock(store, hashtext('thing-held')) FROM {schema}.meta", holder))
            await hold.ExecuteNonQueryAsync();
        var waiting = Enumerable.Range(0, 12).Select(_ => Task.Run(() => node.Log.Happen("held"))).ToList();
        await Soon.Is(() => waiting.Exists(append => append.IsFaulted), "there is no connection free");

        var refused = await Assert.ThrowsAsync<PostgresStoreException>(() => node.Log.Happen("other"));
        Assert.Contains("no connection free", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Maximum Pool Size", refused.Message, StringComparison.Ordinal);
        Assert.True(refused.IsTransient);
        await transaction.RollbackAsync();

        var next = default(Guid?);
        var took = await Soon.Is(async () => (next = await Try(() => node.Log.Happen("other"))) is not null, "appends go on", recovery);
        await Soon.Is(() => following.HasSeen(next!.Value), "readers go on", recovery);
        await Task.WhenAll(waiting).ContinueWith(_ => { }, TaskScheduler.Default);
        var (done, failed) = (waiting.Where(append => append.IsCompletedSuccessfully).ToList(), waiting.Where(append => append.IsFaulted).ToList());
        Assert.NotEmpty(done);
        Assert.All(failed, append => Assert.Contains("no connection free", append.Exception!.InnerException!.Message, StringComparison.Ordinal));
        foreach (var append in done)
            await Soon.Is(() => following.HasSeen(append.Result), "what was acknowledged is read");
        Report($"{done.Count} waited, {failed.Count} were refused; after {took.TotalMilliseconds:0} ms all went on; {node.Lines.All.Count} lines were logged.");
        AssertFew(node);
    }

    private static async Task Survives(Func<PostgresServer, Load, Task> outage, IReadOnlyDictionary<string, string> settings, string? parent = null)
    {
        await using var server = await PostgresServer.Start(settings: settings, parent: parent);
        await Survives(outage, server);
    }

    /// <summary>Two nodes under load, one outage; then everything is held against the table of events.</summary>
    private static async Task Survives(Func<PostgresServer, Load, Task> outage, PostgresServer? own = null)
    {
        var server = own ?? await PostgresServer.Shared;
        var (connectionString, schema) = (server.ConnectionString(more: "Maximum Pool Size=8"), $"hw_{Guid.NewGuid():n}");
        await using var one = await TestNode.Start(connectionString, schema, projects: true);
        await using var two = await TestNode.Start(connectionString, schema, projects: true);
        var followings = new[] { one.Follow(), two.Follow() };
        await using var load = new Load(one.Log, two.Log);
        await load.GoesOn(100);

        await outage(server, load);
        var took = await Soon.Is(
            async () => await Try(() => two.Log.Happen()) is { } id && await IsSeen(id), "appends and readers go on", recovery);
        await load.GoesOn(100);
        var ledger = await load.Stop();

        var truth = await Events.Truth(connectionString, schema);
        List<Seen> all = [.. truth.Select(each => each.Event)];
        foreach (var following in followings)
            await Soon.Is(() => following.Seen is [.., var last] && last.Position >= all[^1].Position, "the follower has come to the end");
        await Soon.Is(
            async () => (await Events.Projected(connectionString, schema)).Count >= all.Count, "the projection has come to the end", recovery);
        Report($"{all.Count} events, {ledger.Failures.Count} appends refused; {took.TotalMilliseconds:0} ms to recover. Logged:{Lines(one)}{Lines(two)}");

        Assert.Subset(all.Select(each => each.Id).ToHashSet(), ledger.Acknowledged.ToHashSet());
        Events.AssertNoHoles(truth);
        foreach (var following in followings)
            Events.AssertSame(all, following.Seen);
        Events.AssertSame(all, await Events.Projected(connectionString, schema));
        Assert.All(ledger.Failures, failure =>
        {
            var told = Assert.IsType<PostgresStoreException>(failure);
            Assert.StartsWith($"The database 'postgres' on 127.0.0.1:{server.Port} ", told.Message, StringComparison.Ordinal);
            Assert.True(nextSteps.Any(step => told.Message.Contains(step, StringComparison.Ordinal)), $"There is no next step in: {told.Message}");
            Assert.True(told.IsTransient);
        });
        AssertFew(one);
        AssertFew(two);

        async Task<bool> IsSeen(Guid id)
        {
            foreach (var following in followings)
                await Soon.Is(() => following.HasSeen(id), "a new event is read", recovery);
            return true;
        }
    }

    /// <summary>
    /// That an outage was told of, in a number of lines that does not grow with the number of those who met it: none of these tests
    /// takes a minute, and no logger may write more than this in one.
    /// </summary>
    private static void AssertFew(TestNode node)
    {
        foreach (var logger in node.Lines.All.GroupBy(each => each.Logger, each => each.Line))
            Assert.True(logger.Count() <= 12, $"{logger.Count()} lines were logged by {logger.Key}:{Environment.NewLine}{string.Join(Environment.NewLine, logger.Take(60))}");
        Assert.Contains(node.Lines.All, each => each.Line.Contains($"The database 'postgres' on 127.0.0.1:", StringComparison.Ordinal));
    }

    private static async Task<Guid?> Try(Func<Task<Guid>> append)
    {
        try
        {
            return await append();
        }
        catch (PostgresStoreException)
        {
            return null;
        }
    }

    private static string Lines(TestNode node) => string.Concat(node.Lines.All.Select(each => $"{Environment.NewLine}  {each.Logger}: {each.Line}"));

    private static void Report(string what) => TestContext.Current.TestOutputHelper!.WriteLine(what);
}
