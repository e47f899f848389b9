using System.Data.Common;
using Headwater.Specifications;

namespace Headwater.Postgres.Tests;

public sealed class PostgresLogStoreTests() : LogStoreSpecification(new PostgresStoreUnderTest(TestServer.Oldest));

public sealed class PostgresPooledLogStoreTests() : LogStoreSpecification(new PostgresStoreUnderTest(TestServer.Pooled) { GroupCommit = false });

public sealed class PostgresReadModelStoreTests() : ReadModelStoreSpecification(new PostgresStoreUnderTest(TestServer.Oldest));

public sealed class PostgresNewestReadModelStoreTests() : ReadModelStoreSpecification(new PostgresStoreUnderTest(TestServer.Newest));

public sealed class PostgresCheckpointStoreTests() : CheckpointStoreSpecification(new PostgresStoreUnderTest(TestServer.Pooled));

/// <summary>A schema of its own for each test; opened twice, it is as with two nodes.</summary>
internal sealed class PostgresStoreUnderTest(TestServer server) : StoreUnderTest
{
    private readonly TestSchema schema = new(server);

    public override Capabilities Capabilities => Capabilities.Durable | Capabilities.Shared | Capabilities.Inline | Capabilities.Tables
        | Capabilities.Outbox;

    public bool GroupCommit { get; init; } = true;

    public override async ValueTask<Stores> Open()
    {
        var database = await schema.Open(new StampingTime(Time), groupCommit: GroupCommit);
        return new Stores(database.Log, new PostgresReadModelStore(database), new PostgresCheckpointStore(database), database.DisposeAsync);
    }

    public override async ValueTask<DbTransaction> BeginTransaction() => await (await schema.Connect()).BeginTransactionAsync();

    public override async ValueTask DisposeAsync()
    {
        await schema.DisposeAsync();
        await base.DisposeAsync();
    }
}
