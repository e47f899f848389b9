using Microsoft.Extensions.Logging.Abstractions;

namespace Headwater.Simulation;

/// <summary>A real SQLite file in memory, which every node opens for itself, as several processes would.</summary>
internal sealed class SqliteFile : Database
{
    private readonly string path;
    private readonly HeadwaterOptions options;
    private readonly SqliteDatabase observer;
    private readonly Session versions;

    public SqliteFile(World world)
    {
        var folder = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        path = Path.Combine(folder, $"headwater-simulation-{Guid.NewGuid():N}.db");
        options = world.Options;

        // Its writer has a scheduler that nobody runs: the observer only reads.
        observer = Open(new SimulatedScheduler("observer", world), world.Time, new Random(world.Random.Next()));
        Observer = StoresOf(observer);
        observer.Open(CancellationToken.None).AsTask().GetAwaiter().GetResult();
        versions = observer.OpenReader();
    }

    public override Stores Observer { get; }

    public override Connection Open(SimulatedScheduler scheduler, Clock.Of time, Random random)
    {
        var database = Open(scheduler, (TimeProvider)time, random);
        return new Connection(StoresOf(database), database.Signal, database.Abandon);
    }

    public override long Version
    {
        get
        {
            using var version = versions.Use(Sql.DataVersion);
            version.Step();
            return version.Number(0);
        }
    }

    public override void Dispose()
    {
        versions.Dispose();
        observer.Abandon();
        foreach (var end in (string[])["", "-wal", "-shm"])
            File.Delete(path + end);
    }

    private SqliteDatabase Open(SimulatedScheduler scheduler, TimeProvider time, Random random) =>
        new(path, time, scheduler, random, options, NullLoggerFactory.Instance) { IsDurable = false };

    private static Stores StoresOf(SqliteDatabase database) =>
        new(new SqliteLogStore(database), new SqliteReadModelStore(database), new SqliteCheckpointStore(database));
}
