namespace Headwater.Tests;

/// <summary>What a projection knows of its rows without asking, and when it must ask.</summary>
public sealed class KnownRowsTests
{
    private readonly KnownRows known = new();

    [Fact]
    public void Before_the_first_event_there_is_no_row_and_later_none_that_was_not_written()
    {
        known.StandAt(At(0, 1));
        Assert.Null(Known("a"));
        Commit(At(0, 1), 3, ("a", "1"), ("b", null));
        known.StandAt(At(3, 1));

        Assert.Equal("1", Known("a"));
        Assert.Null(Known("b"));
        Assert.Null(Known("c"));
    }

    [Fact]
    public void What_began_further_on_asks_for_what_it_has_not_seen()
    {
        known.StandAt(At(7));
        Assert.False(known.TryGet("a", out _));
        known.Add("a", "1"u8.ToArray());
        Commit(At(7), 9, ("b", "2"));
        known.StandAt(At(9));

        Assert.Equal(("1", "2"), (Known("a"), Known("b")));
        Assert.False(known.TryGet("c", out _));
    }

    [Theory]
    [InlineData(4, 0, 0)]
    [InlineData(3, 1, 0)]
    [InlineData(3, 0, 1)]
    public void Nothing_is_known_once_the_checkpoint_stands_elsewhere(long position, int generation, long fence)
    {
        known.StandAt(At(0));
        Commit(At(0), 3, ("a", "1"));
        known.StandAt(new Checkpoint(new Position(position), generation, fence));

        Assert.False(known.TryGet("a", out _));
        Assert.False(known.TryGet("b", out _));
    }

    [Fact]
    public void What_would_take_too_much_memory_is_asked_for_again()
    {
        known.StandAt(At(0));
        var large = new byte[1 << 20];
        for (var i = 0; i < 20; i++)
            known.Add($"{i}", large);

        Assert.False(known.TryGet("0", out _));
        Assert.True(known.TryGet("19", out _));
        Assert.False(known.TryGet("never written", out _));
    }

    private static Checkpoint At(long position, int generation = 0) => new(new Position(position), generation);

    private string? Known(string key)
    {
        Assert.True(known.TryGet(key, out var data));
        return data is { } json ? System.Text.Encoding.UTF8.GetString(json.Span) : null;
    }

    private void Commit(Checkpoint from, long to, params (string Key, string? Json)[] rows) => known.Moved(new ProjectionCommit("rows", from, new Position(to),
        [.. rows.Select(row => new StoredRow(row.Key, new Position(to), row.Json is { } json ? System.Text.Encoding.UTF8.GetBytes(json) : default(ReadOnlyMemory<byte>?)))]));
}
