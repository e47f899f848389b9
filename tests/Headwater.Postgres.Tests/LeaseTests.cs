using Headwater.Specifications;

namespace Headwater.Postgres.Tests;

public sealed class PostgresLeaseStoreTests() : LeaseStoreSpecification(new PostgresLeasesUnderTest());

/// <summary>A schema of its own for each test. The server's clock counts, so time passes by what stands there growing older.</summary>
internal sealed class PostgresLeasesUnderTest : LeaseStoreUnderTest
{
    private readonly TestSchema schema = new();

    public override async ValueTask<ILeaseStore> Open() => new PostgresLeaseStore(await schema.Open());

    public override async ValueTask Pass(TimeSpan time) => await schema.Run(
        $"UPDATE {{schema}}.leases SET expires_at = expires_at - interval '{time.TotalSeconds} s'; UPDATE {{schema}}.nodes SET expires_at = expires_at - interval '{time.TotalSeconds} s'");

    public override async ValueTask DisposeAsync()
    {
        await schema.DisposeAsync();
        await base.DisposeAsync();
    }
}
