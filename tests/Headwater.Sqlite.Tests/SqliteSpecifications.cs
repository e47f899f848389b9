using System.Data.Common;
using Headwater.Specifications;

namespace Headwater.Sqlite.Tests;

public sealed class SqliteLogStoreTests() : LogStoreSpecification(new SqliteStoreUnderTest());

public sealed class SqliteReadModelStoreTests() : ReadModelStoreSpecification(new SqliteStoreUnderTest());

public sealed class SqliteCheckpointStoreTests() : CheckpointStoreSpecification(new SqliteStoreUnderTest());

/// <summary>A file of its own for each test; opened twice, it has two writers as with two processes.</summary>
internal sealed class SqliteStoreUnderTest : StoreUnderTest
{
    private readonly DatabaseFile file = new();

    public override Capabilities Capabilities => Capabilities.Durable | Capabilities.Shared | Capabilities.Inline | Capabilities.Tables
        | Capabilities.Outbox;

    public override ValueTask<Stores> Open()
    {
        var database = file.Open(new StampingTime(Time));
        return ValueTask.FromResult(new Stores(
            new SqliteLogStore(database), new SqliteReadModelStore(database), new SqliteCheckpointStore(database), database.DisposeAsync));
    }

    public override ValueTask<DbTransaction> BeginTransaction() =>
        ValueTask.FromResult<DbTransaction>(Words.Connect(file.Path).BeginTransaction());

    public override async ValueTask DisposeAsync()
    {
        await file.DisposeAsync();
        await base.DisposeAsync();
    }
}
