namespace Headwater.Simulation;

/// <summary>The world outside of Headwater, on which subscriptions have their effects; it remembers all of them.</summary>
internal sealed class Outside(World world)
{
    private readonly Dictionary<string, Dictionary<long, int>> effects = [];

    /// <summary>How often a subscription has done something about the event at a position.</summary>
    public int Of(string subscription, Position position) =>
        effects.GetValueOrDefault(subscription)?.GetValueOrDefault(position.Value) ?? 0;

    public async ValueTask Do(string subscription, RecordedEvent happened)
    {
        await world.SomeTurns();
        if (!effects.TryGetValue(subscription, out var done))
            effects[subscription] = done = [];
        done[happened.Position.Value] = done.GetValueOrDefault(happened.Position.Value) + 1;
        world.Trace.Line($"  {subscription} did {happened.Position}");
        await world.SomeTurns();
    }
}

/// <summary>Acts on items; it may die between an effect and its checkpoint.</summary>
internal sealed class Mailer(Outside outside) : ISubscriptionHandler
{
    public ValueTask Handle(RecordedEvent happened, CancellationToken cancel) => outside.Do("mailer", happened);
}

/// <summary>Acts on everything but what is spoiled, and that it skips.</summary>
internal sealed class Teller(Outside outside) : ISubscriptionHandler
{
    public ValueTask Handle(RecordedEvent happened, CancellationToken cancel) => happened.Event is ItemEvent.Spoiled
        ? throw new InvalidDataException("It is spoiled.")
        : outside.Do("teller", happened);
}
