using System.Data.Common;
using Headwater.Specifications;

namespace Headwater.Postgres.Tests;

public sealed class PostgresLogStoreTests() : LogStoreSpecification(new PostgresStoreUnderTest());

public sealed class PostgresUngroupedLogStoreTests() : LogStoreSpecification(new PostgresStoreUnderTest { GroupCommit = false });

public sealed class PostgresReadModelStoreTests() : ReadModelStoreSpecification(new PostgresStoreUnderTest());

public sealed class PostgresCheckpointStoreTests() : CheckpointStoreSpecification(new PostgresStoreUnderTest());

/// <summary>A schema of its own for each test; opened twice, it is as with two nodes.</summary>
internal sealed class PostgresStoreUnderTest : StoreUnderTest
{
    private readonly TestSchema schema = new();

    public override Capabilities Capabilities => Capabilities.Durable | Capabilities.Shared | Capabilities.Inline | Capabilities.Tables
        | Capabilities.Outbox;

    public bool GroupCommit { get; init; } = true;

    public override async ValueTask<Stores> Open()
    {
        var database = await schema.Open(new StampingTime(Time), groupCommit: GroupCommit);
        return new Stores(database.Log, new PostgresReadModelStore(database), new PostgresCheckpointStore(database), database.DisposeAsync);
    }

    public override async ValueTask<DbTransaction> BeginTransaction() => await (await TestSchema.Connect()).BeginTransactionAsync();

    public override async ValueTask DisposeAsync()
    {
        await schema.DisposeAsync();
        await base.DisposeAsync();
    }
}
