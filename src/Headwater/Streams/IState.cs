namespace Headwater;

/// <summary>What is: the state of one thing, folded from its events. Plain data; no base class.</summary>
/// <typeparam name="TState">The state's own type.</typeparam>
/// <typeparam name="TEvent">The base type of its events.</typeparam>
public interface IState<TState, in TEvent>
    where TState : IState<TState, TEvent>
{
    /// <summary>The state before any event.</summary>
    static abstract TState Initial { get; }

    /// <summary>The state after an event. It cannot fail: what happened has happened.</summary>
    static abstract TState Evolve(TState state, TEvent happened);
}

/// <summary>What may happen: a command that looks at the state and decides.</summary>
/// <typeparam name="TState">The state it is decided on.</typeparam>
/// <typeparam name="TEvent">The base type of the events it may lead to.</typeparam>
public interface ICommand<in TState, TEvent>
{
    /// <summary>Decides, purely: the same state gives the same decision.</summary>
    Decision<TEvent> Decide(TState state);
}
