using Headwater.Specifications;

namespace Headwater.Tests;

public sealed class MemoryLogStoreTests() : LogStoreSpecification(new MemoryStoreUnderTest());

public sealed class MemoryReadModelStoreTests() : ReadModelStoreSpecification(new MemoryStoreUnderTest());

public sealed class MemoryCheckpointStoreTests() : CheckpointStoreSpecification(new MemoryStoreUnderTest());

/// <summary>Everything goes with the process, so this data can only be shared within it.</summary>
internal sealed class MemoryStoreUnderTest : StoreUnderTest
{
    private MemoryStore? store;

    public override Capabilities Capabilities => Capabilities.Shared | Capabilities.Inline;

    public override ValueTask<Stores> Open()
    {
        store ??= new MemoryStore(Time, Guid.NewGuid);
        return ValueTask.FromResult(new Stores(store, store, store));
    }
}
