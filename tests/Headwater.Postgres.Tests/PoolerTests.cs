using Npgsql;
using static Headwater.Postgres.Tests.Words;

namespace Headwater.Postgres.Tests;

/// <summary>What was prepared in one session is unknown in another, and behind a pooler each transaction may get another one.</summary>
public sealed class PoolerTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Statements_are_prepared_only_where_no_pooler_stands_between(bool isPooled)
    {
        await using var schema = new TestSchema(isPooled ? TestServer.Pooled : TestServer.Newest);
        var database = await schema.Open(groupCommit: false, more: "Maximum Pool Size=1;");
        for (var i = 0; i < 10; i++)
            await database.Happen();

        await using var connection = await database.Source.OpenConnectionAsync(Cancel);
        Assert.Equal(!isPooled, await schema.Run(connection, "SELECT count(*) > 0 FROM pg_prepared_statements WHERE statement LIKE '%{schema}%append_one%'"));
        Assert.Equal(isPooled ? 0 : 32, new NpgsqlConnectionStringBuilder(database.Source.ConnectionString).MaxAutoPrepare);
    }

    /// <summary>Notifications do not come through a pooler, so there is another way for them.</summary>
    [Fact]
    public async Task Another_nodes_append_wakes_who_listens_past_the_pooler()
    {
        await using var schema = new TestSchema(TestServer.Pooled);
        var (database, other) = (await schema.Open(), await schema.Open());
        await database.Signal.Wait(Cancel);
        var woken = database.Signal.Wait(Cancel).AsTask();
        await other.Happen();

        await woken.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
    }
}
