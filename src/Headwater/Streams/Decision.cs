using System.Collections;
using System.Runtime.CompilerServices;

namespace Headwater;

/// <summary>What a command leads to: events, in order, or a refusal.</summary>
/// <typeparam name="TEvent">The base type of the events.</typeparam>
[CollectionBuilder(typeof(Decision), nameof(Decision.Events))]
public readonly struct Decision<TEvent> : IEnumerable<TEvent>
{
    private readonly TEvent[]? events;

    internal Decision(TEvent[] events) => this.events = events;

    private Decision(Refusal refusal) => Refusal = refusal;

    /// <summary>The events, none if there is nothing to do.</summary>
    public IReadOnlyList<TEvent> Events => events ?? [];

    /// <summary>Why the command is refused, or null.</summary>
    public Refusal? Refusal { get; }

    /// <summary>The events.</summary>
    public IEnumerator<TEvent> GetEnumerator() => Events.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>One event.</summary>
    public static implicit operator Decision<TEvent>(TEvent happened) => new([happened]);

    /// <summary>A refusal.</summary>
    public static implicit operator Decision<TEvent>(Refusal refusal) => new(refusal);
}

/// <summary>Makes decisions. With <c>using static Headwater.Decision</c> a command says <c>Refuse(...)</c>.</summary>
public static class Decision
{
    /// <summary>The thing is in no state for this (409 over HTTP).</summary>
    /// <param name="code">A stable name for the reason, such as <c>flight-cancelled</c>; it ends the problem's type URI.</param>
    /// <param name="detail">A sentence for a person.</param>
    public static Refusal Refuse(string code, string detail) => new(code, detail);

    /// <summary>The command itself makes no sense (422 over HTTP).</summary>
    /// <param name="code">A stable name for the reason, such as <c>negative-amount</c>; it ends the problem's type URI.</param>
    /// <param name="detail">A sentence for a person.</param>
    public static Refusal Invalid(string code, string detail) => new(code, detail) { IsInvalid = true };

    /// <summary>Several events, in order; a collection expression calls it.</summary>
    public static Decision<TEvent> Events<TEvent>(ReadOnlySpan<TEvent> events) => new(events.ToArray());
}

/// <summary>Why a command is refused.</summary>
/// <param name="Code">A stable name for the reason.</param>
/// <param name="Detail">A sentence for a person.</param>
public sealed record Refusal(string Code, string Detail)
{
    /// <summary>Whether the command itself makes no sense, rather than being asked at the wrong time.</summary>
    public bool IsInvalid { get; init; }
}
