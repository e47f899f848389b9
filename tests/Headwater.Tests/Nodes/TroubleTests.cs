using Microsoft.Extensions.Time.Testing;

namespace Headwater.Tests;

public sealed class TroubleTests
{
    private readonly FakeTimeProvider time = new();
    private readonly Trouble trouble;

    public TroubleTests() => trouble = new Trouble(Surroundings.Real(time));

    [Fact]
    public void It_is_said_once_however_often_it_occurs_and_however_long_it_lasts_and_its_end_with_how_often()
    {
        Assert.False(trouble.IsOver(out _));
        Assert.True(trouble.Occurs());
        time.Advance(TimeSpan.FromHours(1));
        Assert.False(trouble.Occurs());
        Assert.True(trouble.IsNow);

        Assert.True(trouble.IsOver(out var times));

        Assert.Equal(2, times);
        Assert.False(trouble.IsNow);
        Assert.False(trouble.IsOver(out _));
    }

    [Fact]
    public void One_that_comes_and_goes_is_said_once_in_ten_seconds_and_its_end_only_if_it_was()
    {
        Assert.True(trouble.Occurs());
        Assert.True(trouble.IsOver(out _));
        time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(trouble.Occurs());
        Assert.False(trouble.IsOver(out _));
        Assert.False(trouble.Occurs());

        // It lasts this time; what was not said is counted.
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(trouble.Occurs());
        Assert.True(trouble.IsOver(out var times));
        Assert.Equal(3, times);
    }

    [Fact]
    public void The_wait_grows_with_what_fails_in_a_row_and_begins_anew_once_all_went_well()
    {
        for (var i = 0; i < 10; i++)
            trouble.Occurs();
        Assert.InRange(trouble.Backoff, TimeSpan.FromSeconds(2.5), TimeSpan.FromSeconds(5));

        trouble.IsOver(out _);
        trouble.Occurs();

        Assert.InRange(trouble.Backoff, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(200));
    }
}
