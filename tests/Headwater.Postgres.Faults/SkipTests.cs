using Headwater.Postgres.Servers;
using Npgsql;

namespace Headwater.Postgres.Faults;

/// <summary>Promise 1: nothing is skipped, whatever happens at once.</summary>
public sealed class SkipTests
{
    private static readonly TimeSpan duration = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Followers_see_every_event_once_and_in_order_where_a_naive_reader_skips()
    {
        var (connectionString, schema) = ((await PostgresServer.Shared).ConnectionString(), $"hw_{Guid.NewGuid():n}");
        await using var one = await TestNode.Start(connectionString, schema);
        await using var two = await TestNode.Start(connectionString, schema);
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var follower = new Follower(connectionString, schema);
        await using var killed = new Follower(connectionString, schema);
        await follower.Start();
        await killed.Start();
        var (ledger, following) = (new Ledger(), one.Follow());

        using var stop = new CancellationTokenSource(duration);
        var writing = Task.WhenAll(Enumerable.Range(0, 24).Select(i => Task.Run(() => i % 2 == 0
            ? Writers.ThroughTheLibrary(i % 4 == 0 ? one.Log : two.Log, $"library-{i}", new Random(i), ledger, stop.Token)
            : Writers.ThroughSql(source, schema, $"sql-{i}", new Random(i), ledger, stop.Token))));
        var naive = new NaiveReader(connectionString, schema);
        var reading = naive.Read(writing);
        for (var kill = 1; kill <= 2; kill++)
        {
            await Soon.Is(() => killed.Seen.Count >= 1000 * kill, "the follower has come so far");
            await killed.Kill();
            await killed.Start();
        }

        await writing;
        await reading;
        var truth = await Events.Truth(connectionString, schema);
        List<Seen> all = [.. truth.Select(each => each.Event)];
        foreach (var at in new[] { () => follower.At, () => killed.At, () => following.Seen[^1].Position })
            await Soon.Is(() => at() >= all[^1].Position, "the follower has come to the end");

        Events.AssertNoHoles(truth);
        Assert.Equal(ledger.Acknowledged.Order(), all.Select(each => each.Id).Order());
        Assert.NotEmpty(ledger.RolledBack);
        Assert.Empty(ledger.Failures);
        Events.AssertSame(all, follower.Seen);
        Events.AssertSame(all, killed.Seen);
        Events.AssertSame(all, following.Seen);

        // The order of positions is not the order of commits here, or all this would show nothing.
        var missed = all.Count - naive.Seen.Count;
        TestContext.Current.TestOutputHelper!.WriteLine($"{all.Count} events, {ledger.RolledBack.Count} rolled back, {missed} skipped by the naive reader.");
        Assert.True(missed > 0, "The naive reader has missed nothing.");
        Assert.ThrowsAny<Exception>(() => Events.AssertSame(all, [.. naive.Seen.OrderBy(each => each.Position)]));
    }
}
