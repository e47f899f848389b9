namespace Headwater.Simulation;

/// <summary>The ports of one process.</summary>
internal sealed record Stores(ILogStore Log, IReadModelStore ReadModels, ICheckpointStore Checkpoints);

/// <summary>The one database that all nodes of a world share, as processes share a server or a file.</summary>
internal abstract class Database : IDisposable
{
    /// <summary>Sees everything as it is, beside all nodes and without their faults.</summary>
    public abstract Stores Observer { get; }

    /// <summary>A process opens the database.</summary>
    public abstract Connection Open(SimulatedScheduler scheduler, Clock.Of time, Random random);

    /// <summary>Differs from what it was before if anything was committed since.</summary>
    public abstract long Version { get; }

    public abstract void Dispose();
}

/// <summary>What a process holds of the database.</summary>
/// <param name="Stores">The ports.</param>
/// <param name="Signal">What the database itself tells of others' appends, or null.</param>
/// <param name="Die">What the operating system does when the process is gone: everything open is closed, nothing is committed.</param>
internal sealed record Connection(Stores Stores, ISignal? Signal, Action Die);

/// <summary>A server with the memory store in it.</summary>
internal sealed class MemoryDatabase : Database
{
    private readonly MemoryStore store;
    private long looks;

    public MemoryDatabase(TimeProvider time, Func<Guid> newId)
    {
        store = new MemoryStore(time, newId);
        Observer = new Stores(store, store, store);
    }

    public override Stores Observer { get; }

    public override Connection Open(SimulatedScheduler scheduler, Clock.Of time, Random random) => new(Observer, null, () => { });

    /// <summary>To look into memory costs nothing, so it is said to have changed each time.</summary>
    public override long Version => ++looks;

    public override void Dispose() => store.Dispose();
}
