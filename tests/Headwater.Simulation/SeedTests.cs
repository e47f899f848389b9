using System.Diagnostics;
using System.Globalization;

namespace Headwater.Simulation;

public sealed class SeedTests(ITestOutputHelper output)
{
    [Fact]
    public void Every_seed_keeps_the_promises()
    {
        if (Number("HEADWATER_SEED") is { } one)
        {
            World.Run(one, trace: new Trace { Echo = Console.Out });
            return;
        }

        var count = Number("HEADWATER_SEEDS") ?? 2000;
        var watch = Stopwatch.StartNew();
        var results = Seeds.Run(Enumerable.Range(1, count), seed => World.Run(seed), done =>
        {
            if (done % 200 == 0)
                Console.Error.WriteLine($"{done} of {count} seeds, {done / watch.Elapsed.TotalSeconds:F0} a second");
        });
        output.WriteLine($"{results.Count} violations in {count} seeds, {count / watch.Elapsed.TotalSeconds:F0} a second");
        foreach (var same in results.GroupBy(violation => violation.Promise))
            output.WriteLine($"{same.Key}: {string.Join(", ", same.Select(violation => violation.Seed).Order())}");
        Assert.True(results.Count == 0, results.Count == 0 ? null : results[0].Message);
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
