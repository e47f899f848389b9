namespace Headwater.Simulation;

/// <summary>A seed is worth something only if it does the same again.</summary>
public sealed class DeterminismTests
{
    [Fact]
    public void The_same_seed_does_the_same_again()
    {
        foreach (var seed in Enumerable.Range(1, 25))
            Assert.Equal(Run(seed), Run(seed));
    }

    [Fact]
    public void Other_seeds_do_other_things()
    {
        var hashes = Enumerable.Range(1, 25).Select(seed => Run(seed).Hash).ToList();

        Assert.Equal(hashes.Count, hashes.Distinct().Count());
    }

    private static (ulong Hash, int Steps, int Events) Run(int seed)
    {
        var world = World.Run(seed);
        return (world.Trace.Hash, world.Steps, world.Truth.Events.Count);
    }
}
