using System.Text;

namespace Headwater.Tests;

public sealed class RowsTests
{
    private readonly Dictionary<string, string> stored = new() { ["a"] = """{"customer":"Ada","quantity":1}""" };

    [Fact]
    public async Task A_row_is_read_once_changed_in_memory_and_written_with_its_last_position()
    {
        var rows = Rows();
        rows.Begin(new Position(5));
        Assert.Equal(new OrderRow("Ada", 1), await rows.Get("a", World.Cancel));
        rows.Set("a", new OrderRow("Ada", 2));
        rows.Begin(new Position(6));
        Assert.Equal(2, (await rows.Get("a", World.Cancel))!.Quantity);
        rows.Set("b", new OrderRow("Bob", 1));
        rows.Begin(new Position(7));
        rows.Set("a", new OrderRow("Ada", 3));

        Assert.Equal(
            [("b", 6, """{"customer":"Bob","quantity":1}"""), ("a", 7, """{"customer":"Ada","quantity":3}""")], Changes(rows));
    }

    [Fact]
    public async Task A_row_that_is_only_read_is_not_written_and_one_that_is_not_there_is_not_deleted()
    {
        var rows = Rows();
        rows.Begin(new Position(5));
        await rows.Get("a", World.Cancel);
        await rows.Get("b", World.Cancel);
        await rows.Delete("b", World.Cancel);

        Assert.Empty(Changes(rows));
    }

    [Fact]
    public async Task A_deleted_row_is_gone_and_may_come_back_in_the_same_batch()
    {
        var rows = Rows();
        rows.Begin(new Position(5));
        await rows.Delete("a", World.Cancel);
        Assert.Null(await rows.Get("a", World.Cancel));
        Assert.Equal([("a", 5, null)], Changes(rows));

        rows.Begin(new Position(6));
        rows.Set("a", new OrderRow("Eve", 0));
        Assert.Equal([("a", 6, """{"customer":"Eve","quantity":0}""")], Changes(rows));
    }

    [Fact]
    public void A_key_has_a_bounded_length()
    {
        var rows = Rows();
        rows.Set(new string('k', 256), new OrderRow("Ada", 0));
        Assert.Throws<ArgumentException>(() => rows.Set(new string('k', 257), new OrderRow("Ada", 0)));
        Assert.Throws<ArgumentException>(() => rows.Set("", new OrderRow("Ada", 0)));
    }

    private Rows<OrderRow> Rows() => new(
        (key, _) => ValueTask.FromResult(stored.TryGetValue(key, out var json) ? Encoding.UTF8.GetBytes(json) : default(ReadOnlyMemory<byte>?)),
        OrdersJson.Default.OrderRow);

    private static IEnumerable<(string Key, long At, string? Json)> Changes(Rows<OrderRow> rows) => rows.Changes()
        .Select(row => (row.Key, row.Position.Value, row.Data is { } data ? Encoding.UTF8.GetString(data.Span) : null));
}
