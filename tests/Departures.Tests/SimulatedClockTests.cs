using Microsoft.Extensions.Time.Testing;

namespace Departures.Tests;

public sealed class SimulatedClockTests
{
    private readonly FakeTimeProvider time = new();

    [Fact]
    public void It_stands_at_the_beginning_until_it_may_run()
    {
        var clock = new SimulatedClock(time, 10);
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(new ClockFace(Script.Begin, 10), clock.Face);
    }

    [Fact]
    public void It_runs_at_its_speed_and_not_past_the_next_step()
    {
        var clock = new SimulatedClock(time, 10);
        Assert.Equal(TimeSpan.FromSeconds(6), clock.RunTo(Script.Begin.AddHours(1)));
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(Script.Begin.AddMinutes(20), clock.Now);
        time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(Script.Begin.AddHours(1), clock.Now);

        // What was lost while it had to stand is not made up for.
        Assert.Equal(TimeSpan.FromSeconds(3), clock.RunTo(Script.Begin.AddMinutes(90)));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Script.Begin.AddMinutes(70), clock.Now);
    }

    [Fact]
    public void A_step_that_is_due_already_does_not_put_it_back()
    {
        var clock = new SimulatedClock(time, 10);
        clock.Set(Script.Begin.AddHours(5));
        Assert.Equal(TimeSpan.Zero, clock.RunTo(Script.Begin.AddHours(5)));
        Assert.Equal(Script.Begin.AddHours(5), clock.Now);
    }

    [Fact]
    public void It_outlives_the_script()
    {
        var clock = new SimulatedClock(time, 10_000);
        clock.RunTo(DateTimeOffset.MaxValue);
        time.Advance(TimeSpan.FromDays(10_000));
        Assert.InRange(clock.Now, Script.Begin, DateTimeOffset.MaxValue);
    }
}
