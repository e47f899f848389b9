namespace Headwater.Simulation;

/// <summary>What writers know of their operations, to be held against the log.</summary>
internal sealed class Ledger(World world)
{
    private readonly Dictionary<string, Outcome> outcomes = [];

    private enum Outcome
    {
        Unknown,
        Happened,
        DidNotHappen,
    }

    /// <summary>From here on the operation may have happened, and its writer may never know.</summary>
    public void Begin(string operation) => outcomes.TryAdd(operation, Outcome.Unknown);

    /// <summary>The writer was told that it happened, and where.</summary>
    public void Happened(string operation, Position position, long? version)
    {
        Settle(operation, Outcome.Happened);
        world.Truth.CatchUp();
        var events = world.Truth.Of(operation);
        if (events.Count == 0)
            world.Fail("acknowledged is kept", $"{operation} was acknowledged at {position}, and the log has nothing of it.");
        else if (events[^1].Position != position || (version is { } expected && events[^1].Version != expected))
            world.Fail("an answer says where",
                $"{operation} was acknowledged at {position} with version {version}, and the log has it at {events[^1].Position} with {events[^1].Version}.");
    }

    /// <summary>The writer was told that it did not happen, and it must not happen later.</summary>
    public void DidNotHappen(string operation, string why)
    {
        Settle(operation, Outcome.DidNotHappen);
        world.Truth.CatchUp();
        if (world.Truth.Of(operation).Count > 0)
            world.Fail("refused is refused", $"{operation} was answered with '{why}', and the log has it at {world.Truth.Of(operation)[0].Position}.");
    }

    public void Check()
    {
        foreach (var (operation, outcome) in outcomes)
        {
            var events = world.Truth.Of(operation);
            if (outcome is Outcome.Happened && events.Count == 0)
                world.Fail("acknowledged is kept", $"{operation} was acknowledged, and the log has nothing of it.");
            if (outcome is Outcome.DidNotHappen && events.Count > 0)
                world.Fail("refused is refused", $"{operation} was refused, and the log has it at {events[0].Position}.");
            if (events.Select(happened => (happened.Stream, happened.Type)).Distinct().Count() != events.Count)
                world.Fail("5 once", $"{operation} happened {events.Count} times, at {string.Join(", ", events.Select(happened => happened.Position))}.");
        }
    }

    private void Settle(string operation, Outcome outcome)
    {
        if (outcomes[operation] is not Outcome.Unknown && outcomes[operation] != outcome)
            world.Fail("the same answer again", $"{operation} was answered with {outcomes[operation]}, and now with {outcome}.");
        outcomes[operation] = outcome;
    }
}
