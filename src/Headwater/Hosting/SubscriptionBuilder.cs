namespace Headwater;

/// <summary>Says what a subscription reads and what it does about errors.</summary>
public sealed class SubscriptionBuilder
{
    internal SubscriptionBuilder(string name, Func<IServiceProvider, ISubscriptionHandler> handler)
    {
        Name = Names.Check(name, "subscription");
        Handler = handler;
    }

    internal string Name { get; }

    internal Func<IServiceProvider, ISubscriptionHandler> Handler { get; }

    internal LogFilter Filter { get; private set; } = LogFilter.Everything;

    internal ErrorPolicy Policy { get; private set; }

    /// <summary>Reads only these events; every event by default.</summary>
    public SubscriptionBuilder Reads(LogFilter filter)
    {
        Filter = filter;
        return this;
    }

    /// <summary>What to do with an event the handler throws at; <see cref="ErrorPolicy.Stop"/> by default.</summary>
    public SubscriptionBuilder OnError(ErrorPolicy policy)
    {
        Policy = policy;
        return this;
    }

    internal static string? Mistake(string name, ErrorPolicy policy) => policy is ErrorPolicy.Park
        ? $"'{name}' asks for ErrorPolicy.Park, which needs jobs, and these are not built yet; choose Stop or Skip."
        : null;
}
