using System.Diagnostics;

namespace Headwater.Postgres.Faults;

/// <summary>Waiting for what must come about, with a bound.</summary>
internal static class Soon
{
    private static readonly TimeSpan pause = TimeSpan.FromMilliseconds(5);

    /// <summary>Waits until something is so.</summary>
    /// <returns>How long it took.</returns>
    public static async Task<TimeSpan> Is(Func<Task<bool>> isSo, string what, TimeSpan? within = null)
    {
        var clock = Stopwatch.StartNew();
        var bound = within ?? TimeSpan.FromSeconds(30);
        using var ticks = new PeriodicTimer(pause);
        while (!await isSo())
        {
            Assert.True(clock.Elapsed < bound, $"Within {bound.TotalSeconds} s it was expected that {what}.");
            await ticks.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }

        return clock.Elapsed;
    }

    /// <inheritdoc cref="Is(Func{Task{bool}}, string, TimeSpan?)"/>
    public static Task<TimeSpan> Is(Func<bool> isSo, string what, TimeSpan? within = null) => Is(() => Task.FromResult(isSo()), what, within);
}
