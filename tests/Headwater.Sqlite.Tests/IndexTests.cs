using System.Text;

namespace Headwater.Sqlite.Tests;

/// <summary>That what is read often is found by an index, which no result would show.</summary>
public sealed class IndexTests
{
    public static TheoryData<string> Statements => new(Sql.All.Where(text =>
        (text.StartsWith("SELECT", StringComparison.Ordinal) || text.StartsWith("UPDATE", StringComparison.Ordinal) || text.StartsWith("DELETE FROM r", StringComparison.Ordinal))
        && !text.Contains("sqlite_schema", StringComparison.Ordinal) && !text.Contains('{', StringComparison.Ordinal)));

    [Theory]
    [MemberData(nameof(Statements))]
    public async Task No_statement_scans_a_table_or_sorts(string sql)
    {
        await using var file = new DatabaseFile();
        var plan = await Plan(file.Open(), sql);

        Assert.DoesNotMatch("SCAN|TEMP B-TREE", plan);
    }

    [Fact]
    public async Task Rows_are_found_by_a_declared_field_through_its_index_in_the_order_of_their_keys()
    {
        await using var file = new DatabaseFile();
        var database = file.Open();
        var store = new SqliteReadModelStore(database);
        await store.Prepare(new ReadModelSchema("board", ["airport", "gate-no"]), null, Words.Cancel);
        await store.Commit(new ProjectionCommit("board", default, new Position(1),
            [.. Enumerable.Range(0, 500).Select(i => new StoredRow($"{i:000}", new Position(1), Encoding.UTF8.GetBytes($$"""{"airport":"A{{i % 50}}","gate-no":{{i}}}""")))]), Words.Cancel);

        var plan = await Plan(database, FieldIndexes.Query("board", [new("airport", "A7")]));
        var page = await store.FindRows("board", [new("airport", "A7")], "100", 5, Words.Cancel);

        Assert.Contains("USING INDEX rows_board_airport", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("TEMP B-TREE", plan, StringComparison.Ordinal);
        Assert.Equal(["107", "157", "207", "257", "307"], page.Rows.Select(row => row.Key));
    }

    [Fact]
    public async Task Indexes_come_and_go_with_their_declarations()
    {
        await using var file = new DatabaseFile();
        var store = new SqliteReadModelStore(file.Open());
        await store.Prepare(new ReadModelSchema("board", ["a", "b"]), null, Words.Cancel);
        await store.Prepare(new ReadModelSchema("board-two", ["a"]), null, Words.Cancel);
        await store.Prepare(new ReadModelSchema("board", ["b", "c"]), null, Words.Cancel);

        Assert.Equal("rows_board_b,rows_board_c,rows_board-two_a", Words.Sql(file.Path,
            "SELECT group_concat(name, ',') FROM (SELECT name FROM sqlite_schema WHERE name LIKE 'rows\\_board%' ESCAPE '\\' ORDER BY length(name), name)"));
    }

    [Theory]
    [InlineData("na'me")]
    [InlineData("na\"me")]
    [InlineData("na me")]
    [InlineData("")]
    public async Task A_field_whose_name_would_break_the_statement_is_refused(string field)
    {
        await using var file = new DatabaseFile();
        var store = new SqliteReadModelStore(file.Open());

        await Assert.ThrowsAsync<ArgumentException>(async () => await store.Prepare(new ReadModelSchema("board", [field]), null, Words.Cancel));
    }

    private static ValueTask<string> Plan(SqliteDatabase database, string sql) => database.Read(sql, static (session, sql) =>
    {
        var plan = new StringBuilder();
        using var rows = session.Use("EXPLAIN QUERY PLAN " + sql);
        while (rows.Step())
            plan.AppendLine(rows.Text(3));
        return plan.ToString();
    }, Words.Cancel);
}
