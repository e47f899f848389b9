using Headwater.Specifications;

namespace Headwater.Postgres.Tests;

public sealed class PostgresLeaseStoreTests() : LeaseStoreSpecification(new PostgresLeasesUnderTest(TestServer.Oldest));

public sealed class PostgresPooledLeaseStoreTests() : LeaseStoreSpecification(new PostgresLeasesUnderTest(TestServer.Pooled));

/// <summary>A schema of its own for each test. The server's clock counts, so time passes by what stands there growing older.</summary>
internal sealed class PostgresLeasesUnderTest(TestServer server) : LeaseStoreUnderTest
{
    private readonly TestSchema schema = new(server);

    public override async ValueTask<ILeaseStore> Open() => new PostgresLeaseStore(await schema.Open());

    public override async ValueTask Pass(TimeSpan time) => await schema.Run(
        $"UPDATE {{schema}}.leases SET expires_at = expires_at - interval '{time.TotalSeconds} s'; UPDATE {{schema}}.nodes SET expires_at = expires_at - interval '{time.TotalSeconds} s'");

    public override async ValueTask DisposeAsync()
    {
        await schema.DisposeAsync();
        await base.DisposeAsync();
    }
}
