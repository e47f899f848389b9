using CsCheck;

namespace Headwater.Tests;

public sealed class CursorTests
{
    private static readonly Gen<string> genName = Gen.Char["abcxyz09-"].Array[1, 64].Select(chars => new string(chars));
    private static readonly Gen<Position> genPosition = Gen.Long[0, long.MaxValue].Select(value => new Position(value));

    private static readonly Gen<Cursor> genCursor = Gen.Select(
        genName, genPosition, genPosition, Gen.Select(genName, Gen.Int[0, int.MaxValue], genPosition, (view, generation, at) => new ViewPosition(view, generation, at)).Array[0, 32],
        (epoch, position, atLeast, views) => new Cursor(epoch, position, [.. views.DistinctBy(view => view.View)]) { AtLeast = atLeast });

    [Fact]
    public void Its_text_reads_back_as_the_same_cursor() => genCursor.Sample(cursor =>
        Cursor.TryParse(cursor.ToString(), out var read) && read == cursor && read.ToString() == cursor.ToString()
        && read.GetHashCode() == cursor.GetHashCode());

    [Fact]
    public void Its_text_needs_no_escaping_anywhere() => genCursor.Sample(cursor =>
        cursor.ToString() is var text && Uri.EscapeDataString(text) == text && text.Length <= 4096);

    [Fact]
    public void Any_text_is_either_a_cursor_or_refused() => Gen.String.Sample(text =>
        !Cursor.TryParse(text, out var cursor) || Cursor.TryParse(cursor.ToString(), out _));

    [Fact]
    public void A_damaged_cursor_is_read_as_another_or_refused_but_never_throws() =>
        Gen.Select(genCursor, Gen.Int[0, 5000], Gen.Char).Sample((cursor, at, c) =>
        {
            var text = cursor.ToString();
            var index = at % text.Length;
            foreach (var damaged in new[] { text.Remove(index, 1).Insert(index, c.ToString()), text[..index], text.Insert(index, c.ToString()) })
                Assert.True(!Cursor.TryParse(damaged, out var read) || Cursor.TryParse(read.ToString(), out _));
        });

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("17")]
    [InlineData("4acfc7fc.")]
    [InlineData(".17")]
    [InlineData("4acfc7fc.-1")]
    [InlineData("4acfc7fc.+1")]
    [InlineData("4acfc7fc. 1")]
    [InlineData("4acfc7fc.1 ")]
    [InlineData("4acfc7fc.1.1")]
    [InlineData("4acfc7fc.2.1")]
    [InlineData("4acfc7fc.1.")]
    [InlineData("4acfc7fc.1.-2")]
    [InlineData("4acfc7fc.1.2.3")]
    [InlineData("4acfc7fc.0x1")]
    [InlineData("4acfc7fc.9223372036854775808")]
    [InlineData("4acfc7fc.1~")]
    [InlineData("4acfc7fc.1~board")]
    [InlineData("4acfc7fc.1~board.1")]
    [InlineData("4acfc7fc.1~board.1.2.3")]
    [InlineData("4acfc7fc.1~board.-1.2")]
    [InlineData("4acfc7fc.1~board.2147483648.2")]
    [InlineData("4acfc7fc.1~bo ard.1.2")]
    [InlineData("4acf\n7fc.1")]
    [InlineData("4acf\u0000fc.1")]
    [InlineData("ａ.1")]
    [InlineData("a.１")]
    public void What_is_no_cursor_is_refused(string? text) => Assert.False(Cursor.TryParse(text, out _));

    [Fact]
    public void A_very_long_text_is_refused() => Assert.False(Cursor.TryParse("a.1" + string.Concat(Enumerable.Repeat("~b.1.1", 1000)), out _));

    [Fact]
    public void Snapshots_merge_at_the_earliest_unless_they_are_of_two_logs_or_of_two_generations()
    {
        Cursor first = new("e", new(9), new ViewPosition("a", 0, new(5))), second = new("e", new(7), new ViewPosition("a", 0, new(6)), new ViewPosition("b", 1, new(2)));

        Assert.True(Cursor.TryMerge([first, second], out var merged));
        Assert.Equal("e.7.9~a.0.5~b.1.2", merged.ToString());
        Assert.False(Cursor.TryMerge([first, new Cursor("f", new(9))], out _));
        Assert.False(Cursor.TryMerge([first, new Cursor("e", new(9), new ViewPosition("a", 1, new(5)))], out _));
        Assert.False(Cursor.TryMerge([], out _));
    }

    [Fact]
    public void It_knows_of_no_more_than_it_has_seen_unless_it_says_so()
    {
        Cursor plain = new("e", new(7)), ahead = plain with { AtLeast = new(9) }, behind = plain with { AtLeast = new(5) };

        Assert.Equal(("e.7", new Position(7)), (plain.ToString(), plain.AtLeast));
        Assert.Equal(("e.7.9", new Position(9)), (ahead.ToString(), ahead.AtLeast));
        Assert.Equal(plain, behind);
        Assert.NotEqual(plain, ahead);
        Assert.Equal("e.7.9~a.0.5", (new Cursor("e", new(7), new ViewPosition("a", 0, new(5))) { AtLeast = new(9) }).ToString());
    }

    [Fact]
    public void What_is_merged_begins_at_the_earliest_and_knows_of_the_latest() => Gen.Select(genPosition, genPosition).Array[1, 6].Sample(parts =>
    {
        Cursor[] cursors = [.. parts.Select(part => new Cursor("e", part.Item1) { AtLeast = part.Item2 })];

        Assert.True(Cursor.TryMerge(cursors, out var merged));
        Assert.Equal(cursors.Min(each => each.Position.Value), merged.Position.Value);
        Assert.Equal(cursors.Max(each => each.AtLeast.Value), merged.AtLeast.Value);
        Assert.True(Cursor.TryMerge([.. cursors.Reverse()], out var reversed) && reversed == merged);
    });

    [Fact]
    public void Its_read_models_stand_in_ordinal_order_whatever_order_they_are_given_in()
    {
        ViewPosition a = new("a", 0, new(1)), b = new("b", 2, new(3));

        Assert.Equal(new Cursor("e", new(9), a, b), new Cursor("e", new(9), b, a));
        Assert.Equal("e.9~a.0.1~b.2.3", new Cursor("e", new(9), b, a).ToString());
        Assert.Equal(b, new Cursor("e", new(9), b, a).In("b"));
        Assert.Null(new Cursor("e", new(9), b, a).In("c"));
        Assert.True(new Cursor("e", new(9), a) != new Cursor("e", new(9), b));
    }
}
