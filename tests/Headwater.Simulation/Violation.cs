namespace Headwater.Simulation;

/// <summary>A promise was broken in a world. The message says which one, after what, and how to see it again.</summary>
internal sealed class Violation(int seed, string promise, string detail, string trace) : Exception(
    $"""
    Seed {seed}: {promise}
    {detail}
    The last of what happened:
    {trace}
    Run this seed alone: HEADWATER_SEED={seed} dotnet run --project tests/Headwater.Simulation
    """)
{
    public int Seed => seed;

    public string Promise => promise;
}

/// <summary>What a fault throws. The core must live with it.</summary>
internal sealed class SimulatedFault(string where) : Exception($"Simulated fault: {where}.");

/// <summary>The process a call went to is gone; whether the call did anything, its caller cannot know.</summary>
internal sealed class NodeLostException(string node) : Exception($"{node} is gone.");
