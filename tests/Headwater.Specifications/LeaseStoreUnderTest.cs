namespace Headwater.Specifications;

/// <summary>What the author of an adapter gives to the suite for leases: a store that is empty at first, and its clock.</summary>
public abstract class LeaseStoreUnderTest : IAsyncDisposable
{
    /// <summary>Opens the store on this test's data. Called again, it opens the same data as another node would.</summary>
    public abstract ValueTask<ILeaseStore> Open();

    /// <summary>
    /// Lets time pass by the store's own clock. Where that cannot be moved, everything the store has noted can be moved back
    /// instead: who is alive until when, and when leases expire.
    /// </summary>
    public abstract ValueTask Pass(TimeSpan time);

    /// <summary>Removes the data.</summary>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
