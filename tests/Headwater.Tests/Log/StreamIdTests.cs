using CsCheck;

namespace Headwater.Tests;

public sealed class StreamIdTests
{
    private static readonly Gen<string> genCategory = Gen.Select(
        Gen.Char['a', 'z'], Gen.Char["abz09_"].Array[0, 20], (first, rest) => first + new string(rest));

    private static readonly Gen<string> genKey = Gen.String[1, 100].Where(key => !key.Any(char.IsControl));

    [Fact]
    public void Its_text_reads_back_as_the_same_stream() => Gen.Select(genCategory, genKey).Sample((category, key) =>
    {
        var stream = new StreamId(category, key);
        return StreamId.Parse(stream.ToString()) == stream && stream.Category == category && stream.Key == key;
    });

    [Fact]
    public void Any_text_is_either_a_stream_or_refused() => Gen.String.Sample(text =>
        !StreamId.TryParse(text, out var stream) || stream.ToString() == text);

    [Theory]
    [InlineData("flight-UA17", "flight", "UA17")]
    [InlineData("flight-a-b-c", "flight", "a-b-c")]
    [InlineData("a_1--", "a_1", "-")]
    public void A_key_may_have_dashes(string text, string category, string key) =>
        Assert.Equal(new StreamId(category, key), StreamId.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("flight")]
    [InlineData("flight-")]
    [InlineData("-key")]
    [InlineData("Flight-1")]
    [InlineData("1flight-1")]
    [InlineData("fl ight-1")]
    [InlineData("flight-a\nb")]
    [InlineData("flight-\u0000")]
    public void What_names_no_stream_is_refused(string text)
    {
        Assert.False(StreamId.TryParse(text, out _));
        Assert.Contains("category-key", Assert.Throws<FormatException>(() => StreamId.Parse(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Its_length_is_bounded()
    {
        var longest = new string('k', StreamId.MaxLength - "order-".Length);

        Assert.Equal(StreamId.MaxLength, new StreamId("order", longest).ToString().Length);
        Assert.Throws<ArgumentException>(() => new StreamId("order", longest + "k"));
        Assert.False(StreamId.TryParse($"order-{longest}k", out _));
        Assert.Throws<ArgumentException>(() => new StreamId("Order", "1"));
        Assert.Throws<ArgumentException>(() => new StreamId("order", ""));
    }
}
