using Headwater.Specifications;
using Microsoft.Extensions.Time.Testing;

namespace Headwater.Tests;

public sealed class MemoryLeaseStoreTests() : LeaseStoreSpecification(new MemoryLeaseStoreUnderTest());

internal sealed class MemoryLeaseStoreUnderTest : LeaseStoreUnderTest
{
    private readonly FakeTimeProvider time = new();
    private MemoryLeaseStore? store;

    public override ValueTask<ILeaseStore> Open() => ValueTask.FromResult<ILeaseStore>(store ??= new MemoryLeaseStore(time));

    public override ValueTask Pass(TimeSpan by)
    {
        time.Advance(by);
        return ValueTask.CompletedTask;
    }
}
