namespace Headwater.Simulation;

/// <summary>What kind of world a seed makes.</summary>
internal sealed record Plan
{
    public required int Seed { get; init; }

    public required int Nodes { get; init; }

    public required int Writers { get; init; }

    public required int Readers { get; init; }

    public required int Followers { get; init; }

    public required int OperationsEach { get; init; }

    public required int PageSize { get; init; }

    public required int TailEvents { get; init; }

    /// <summary>How many calls of a port in a thousand fail.</summary>
    public required int FaultsPerMille { get; init; }

    /// <summary>How many calls of a port in a hundred take a while.</summary>
    public required int SlowPercent { get; init; }

    /// <summary>How many signals in a hundred are lost.</summary>
    public required int LostSignalsPercent { get; init; }

    /// <summary>How many things an operator does to the nodes: crashes, rebuilds, trims.</summary>
    public required int Interventions { get; init; }

    /// <summary>Whether the last node that crashes stays away.</summary>
    public required bool LosesANode { get; init; }

    public required TimeSpan TombstoneRetention { get; init; }

    public required bool UsesSqlite { get; init; }

    /// <summary>Whether nodes hear of others' appends from the database itself, where it tells.</summary>
    public required bool UsesOwnSignal { get; init; }

    /// <summary>How many connections at each node do not read.</summary>
    public int Stalled { get; init; }

    public static Plan Of(int seed)
    {
        var random = new Random(seed);
        return new Plan
        {
            Seed = seed,
            Nodes = random.Next(1, 4),
            Writers = random.Next(1, 4),
            Readers = random.Next(0, 2),
            Followers = random.Next(2, 6),
            OperationsEach = random.Next(5, 25),
            PageSize = Pick(random, 1, 2, 3, 5, 8, 64),
            TailEvents = Pick(random, 16, 16, 32, 4096),
            FaultsPerMille = Pick(random, 0, 5, 20, 60),
            SlowPercent = Pick(random, 0, 10, 30),
            LostSignalsPercent = Pick(random, 0, 20, 80, 100),
            Interventions = Pick(random, 0, 2, 5, 10),
            LosesANode = random.Next(4) == 0,
            TombstoneRetention = Pick(random, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), TimeSpan.FromDays(7)),
            UsesSqlite = random.Next(4) > 0,
            UsesOwnSignal = random.Next(8) == 0,
        };
    }

    private static T Pick<T>(Random random, params T[] choices) => choices[random.Next(choices.Length)];
}
