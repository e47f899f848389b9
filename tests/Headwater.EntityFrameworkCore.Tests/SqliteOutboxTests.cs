using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Headwater.EntityFrameworkCore.Tests;

public sealed class SqliteOutboxTests() : OutboxSpecification(new SqliteProvider());

internal sealed class SqliteProvider : Provider
{
    private readonly string folder = Directory.CreateTempSubdirectory("headwater-").FullName;

    public override string CountEvents => "SELECT count(*) AS Value FROM events";

    private string Path => System.IO.Path.Combine(folder, "shop.db");

    public override void Keep(HeadwaterBuilder headwater) => headwater.UseSqlite(Path, besideOtherTables: true);

    public override void Use(DbContextOptionsBuilder options, Func<ExecutionStrategyDependencies, IExecutionStrategy>? retrying) =>
        options.UseSqlite($"Data Source={Path};Pooling=False", sqlite =>
        {
            if (retrying is not null)
                sqlite.ExecutionStrategy(retrying);
        });

    public override async ValueTask<DbConnection> Connect()
    {
        var connection = new SqliteConnection($"Data Source={Path};Pooling=False");
        await connection.OpenAsync();
        return connection;
    }

    public override ValueTask DisposeAsync()
    {
        Directory.Delete(folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
