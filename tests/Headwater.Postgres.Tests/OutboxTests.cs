using System.Text;
using Npgsql;
using static Headwater.Postgres.Tests.Words;

namespace Headwater.Postgres.Tests;

/// <summary>The SQL function by which any session appends in its own transaction.</summary>
public sealed class OutboxTests : IAsyncLifetime
{
    private readonly TestSchema schema = new();
    private PostgresDatabase? opened;

    private PostgresDatabase Database => opened!;

    public async ValueTask InitializeAsync()
    {
        opened = await schema.Open();
        await opened.Open(Cancel);
    }

    public ValueTask DisposeAsync() => schema.DisposeAsync();

    [Fact]
    public async Task What_a_transaction_appends_is_read_once_it_is_committed()
    {
        await using var connection = await schema.Connect();
        await using var transaction = await connection.BeginTransactionAsync(Cancel);
        await schema.Run(connection, "CREATE TABLE {schema}.orders (id int)");
        var position = await schema.Run(connection,
            """SELECT {schema}.append('order-1', 0, 'opened', '{"gate":"B12"}', '{"actor":"psql","deep":{"a":[1]}}', NULL, '{"airport":"ATL","b":"c"}')""");

        Assert.Empty(await Database.ReadAll());
        await transaction.CommitAsync(Cancel);

        var happened = Assert.Single(await Database.ReadAll());
        Assert.Equal(position, happened.Position.Value);
        Assert.Equal((Stream("1"), 1L, "opened", 1), (happened.Stream, happened.Version, happened.Type, happened.SchemaVersion));
        Assert.Equal("""{"gate": "B12"}""", Encoding.UTF8.GetString(happened.Data.Span));
        Assert.Equal(new EventMetadata { Actor = "psql" }, happened.Metadata);
        Assert.Equal([new Tag("airport", "ATL"), new Tag("b", "c")], happened.Tags);
        var tagged = await Database.Log.Read(new(new LogFilter.Tagged(new Tag("airport", "ATL")), Position.Start, Position.Max, 10), Cancel);
        Assert.Equal(happened.Id, Assert.Single(tagged.Events).Id);
    }

    [Fact]
    public async Task What_is_rolled_back_is_never_seen_and_leaves_no_hole_in_its_stream()
    {
        await Run("BEGIN; SELECT {schema}.append('order-1', -1, 'opened', '{}'); ROLLBACK");
        await Run("BEGIN; SELECT {schema}.append('order-1', -1, 'opened', '{}'); SAVEPOINT s; SELECT {schema}.append('order-1', -1, 'opened', '{}'); ROLLBACK TO s; COMMIT");
        await Database.Happen();

        Assert.Equal([1, 2], (await Database.ReadAll()).Select(happened => happened.Version));
    }

    [Fact]
    public async Task A_trigger_of_an_ordinary_table_can_append()
    {
        await Run("""
            CREATE TABLE {schema}.gates (flight text PRIMARY KEY, gate text);
            CREATE FUNCTION {schema}.tell() RETURNS trigger LANGUAGE plpgsql AS
              $$ BEGIN PERFORM {schema}.append('flight-' || new.flight, -1, 'gate-changed', to_jsonb(new)); RETURN new; END $$;
            CREATE TRIGGER tell AFTER INSERT OR UPDATE ON {schema}.gates FOR EACH ROW EXECUTE FUNCTION {schema}.tell();
            INSERT INTO {schema}.gates VALUES ('UA1', 'A1'), ('UA2', 'A2');
            UPDATE {schema}.gates SET gate = 'B1' WHERE flight = 'UA1'
            """);

        Assert.Equal(["flight-UA1", "flight-UA2", "flight-UA1"], (await Database.ReadAll()).Select(happened => happened.Stream.ToString()));
    }

    [Theory]
    [InlineData("'order-1', 1, 'opened', '{}'", "HW001", "version 0, and 1 was expected")]
    [InlineData("'order-1', 0, 'opened', '{}', '{}', NULL, '{\"a\":\"\"}'", "22023", "tags")]
    [InlineData("'order-1', 0, 'opened', '{}', '[]'", "22023", "Metadata and tags")]
    [InlineData("'Order-1', 0, 'opened', '{}'", "22023", "'Order-1'")]
    [InlineData("'order', 0, 'opened', '{}'", "22023", "category-key")]
    [InlineData("'order-', 0, 'opened', '{}'", "22023", "category-key")]
    [InlineData("NULL, 0, 'opened', '{}'", "22023", "category-key")]
    [InlineData("'order-1', -2, 'opened', '{}'", "22023", "-1 for any")]
    [InlineData("'order-1', NULL, 'opened', '{}'", "22023", "-1 for any")]
    [InlineData("'order-1', 0, '', '{}'", "22023", "1 to 128")]
    [InlineData("'order-1', 0, 'opened', NULL", "22023", "no data")]
    public async Task What_does_not_fit_is_an_error_that_says_why(string arguments, string state, string says)
    {
        var error = await Assert.ThrowsAsync<PostgresException>(async () => await Run($"SELECT {{schema}}.append({arguments})"));

        Assert.Equal(state, error.SqlState);
        Assert.Contains(says, error.MessageText, StringComparison.Ordinal);
        Assert.Empty(await Database.ReadAll());
    }

    [Fact]
    public async Task The_same_event_again_changes_nothing_and_another_under_its_id_is_an_error()
    {
        var id = Guid.NewGuid();
        var first = await Run($"SELECT {{schema}}.append('order-1', 0, 'opened', '{{\"a\":1}}', '{{}}', '{id}')");
        var again = await Run($"SELECT {{schema}}.append('order-1', 0, 'opened', '{{\"a\":1}}', '{{}}', '{id}')");
        var error = await Assert.ThrowsAsync<PostgresException>(async () =>
            await Run($"SELECT {{schema}}.append('order-1', 1, 'opened', '{{\"a\":2}}', '{{}}', '{id}')"));

        Assert.Equal(first, again);
        Assert.Equal("HW002", error.SqlState);
        Assert.Single(await Database.ReadAll());
    }

    [Fact]
    public async Task A_conflict_is_decided_when_the_other_transaction_has_ended()
    {
        await using var holder = await schema.Connect();
        await schema.Run(holder, "BEGIN; SELECT {schema}.append('order-1', 0, 'opened', '{}')");
        var second = Run("SELECT {schema}.append('order-1', 0, 'opened', '{}')").AsTask();
        Assert.False(second.IsCompleted);
        await schema.Run(holder, "COMMIT");

        Assert.Equal("HW001", (await Assert.ThrowsAsync<PostgresException>(() => second)).SqlState);
    }

    private ValueTask<object?> Run(string sql) => schema.Run(sql);
}
