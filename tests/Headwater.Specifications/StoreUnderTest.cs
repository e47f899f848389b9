using System.Data.Common;
using Microsoft.Extensions.Time.Testing;

namespace Headwater.Specifications;

/// <summary>
/// What the author of an adapter gives to the specifications: stores on data of their own. Each test makes one of these, opens
/// it and disposes it at its end.
/// </summary>
/// <remarks>
/// An adapter runs all suites with one line for each port: <c>public sealed class MyLogStore() :
/// LogStoreSpecification(new MyStoreUnderTest());</c>.
/// </remarks>
public abstract class StoreUnderTest : IAsyncDisposable
{
    /// <summary>The clock the stores must use. It stands still unless a test moves it.</summary>
    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    /// <summary>What the adapter can do beyond what every one must. What it lacks is reported: those tests are skipped by name.</summary>
    public abstract Capabilities Capabilities { get; }

    /// <summary>
    /// Opens the stores on this test's data, which are empty at first. Called again, it opens the same data once more: as another
    /// process would, if <see cref="Capabilities.Shared"/> is declared; after the first ones were closed, if
    /// <see cref="Capabilities.Durable"/> is.
    /// </summary>
    public abstract ValueTask<Stores> Open();

    /// <summary>
    /// Begins a transaction on a connection to this test's data that is not the stores' own, as an application would, if
    /// <see cref="Capabilities.Outbox"/> is declared.
    /// </summary>
    public virtual ValueTask<DbTransaction> BeginTransaction() => throw new NotSupportedException($"{GetType().Name} has no transactions.");

    /// <summary>Removes the data.</summary>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

/// <summary>What an adapter can do beyond what every one must.</summary>
[Flags]
public enum Capabilities
{
    /// <summary>Only what every one must.</summary>
    None = 0,

    /// <summary>What was acknowledged is there when the stores are closed and opened again.</summary>
    Durable = 1,

    /// <summary>The same data can be opened several times at once, as several processes do.</summary>
    Shared = 2,

    /// <summary>Read models can be written in the transaction of an append: inline projections.</summary>
    Inline = 4,

    /// <summary>Projections can write SQL tables of their own in the transaction that moves their checkpoint.</summary>
    Tables = 8,

    /// <summary>Application code can append in a transaction of its own: the log is an <see cref="ITransactionalLogStore"/>.</summary>
    Outbox = 16,
}

/// <summary>The stores of one adapter on the same data.</summary>
/// <param name="log">The log.</param>
/// <param name="readModels">The read models.</param>
/// <param name="checkpoints">The checkpoints of subscriptions.</param>
/// <param name="close">Closes them, and leaves the data.</param>
public sealed class Stores(ILogStore log, IReadModelStore readModels, ICheckpointStore checkpoints, Func<ValueTask>? close = null)
    : IAsyncDisposable
{
    public ILogStore Log => log;

    public IReadModelStore ReadModels => readModels;

    public ICheckpointStore Checkpoints => checkpoints;

    public ValueTask DisposeAsync() => close?.Invoke() ?? ValueTask.CompletedTask;
}
