using System.Globalization;
using Npgsql;

namespace Headwater.Postgres.Servers;

/// <summary>A PostgreSQL server with a cluster of its own, which goes with it. It listens on the loopback address and trusts everybody.</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private static readonly Lazy<Task<PostgresServer>> shared = new(() => StartShared(PostgresInstallation.Distribution));
    private static readonly Lazy<Task<PostgresServer>> sharedNewest = new(() => StartShared(PostgresInstallation.Newest));

    private readonly PostgresInstallation installation;
    private readonly string folder;
    private readonly Guard guard;

    private PostgresServer(PostgresInstallation installation, string folder)
    {
        (this.installation, this.folder) = (installation, folder);
        // Told to quit, it also gives back its shared memory; if it does not within 10 s, it is killed and its processes end by themselves.
        guard = Guard.Start(
            """
            if pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null; then
              tries=500
              while kill -0 "$pid" 2>/dev/null && [ "$tries" -gt 0 ]; do sleep 0.02; tries=$((tries - 1)); done
              kill -KILL "$pid" 2>/dev/null
            fi
            rm -rf "$1"
            """,
            folder);
    }

    /// <summary>The one server of the distribution's version that all tests of the process share; it ends with the process.</summary>
    public static Task<PostgresServer> Shared => shared.Value;

    /// <summary>The one server of version 18 that all tests of the process share; it ends with the process.</summary>
    public static Task<PostgresServer> SharedNewest => sharedNewest.Value;

    /// <summary>The major version.</summary>
    public int Version => installation.Version;

    /// <summary>Where it listens.</summary>
    public int Port { get; private set; }

    /// <summary>Where it keeps everything.</summary>
    public string Data => Path.Combine(folder, "data");

    /// <summary>The first of its processes; it must be running.</summary>
    public int ProcessId => int.Parse(File.ReadLines(Path.Combine(Data, "postmaster.pid")).First(), CultureInfo.InvariantCulture);

    /// <summary>What the server has written to its log.</summary>
    public string Output => File.ReadAllText(Path.Combine(folder, "log"));

    /// <summary>Makes a cluster and starts it.</summary>
    /// <param name="installation">The version; by default the distribution's.</param>
    /// <param name="settings">Settings of <c>postgresql.conf</c> that differ from those for tests. These forgo fsync.</param>
    /// <param name="parent">Where its folder is made; by default among the system's temporary files.</param>
    public static async Task<PostgresServer> Start(
        PostgresInstallation? installation = null, IReadOnlyDictionary<string, string>? settings = null, string? parent = null)
    {
        var server = new PostgresServer(installation ?? PostgresInstallation.Distribution, await ServerUser.MakeFolder(parent, "headwater-pg-"));
        try
        {
            await server.Create(settings ?? new Dictionary<string, string>());
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>How to connect to one of its databases.</summary>
    /// <param name="database">The database.</param>
    /// <param name="more">More of a connection string, such as <c>Maximum Pool Size=5</c>.</param>
    public string ConnectionString(string database = "postgres", string more = "") =>
        string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={Port};Username=postgres;Database={database};{more}");

    /// <summary>Makes a database with a name of its own.</summary>
    /// <returns>The name.</returns>
    public async Task<string> CreateDatabase()
    {
        var name = $"db_{Guid.NewGuid():n}";
        await Execute($"CREATE DATABASE {name}");
        return name;
    }

    /// <summary>Runs statements on a connection of their own.</summary>
    /// <returns>The first value, or null.</returns>
    public async Task<object?> Execute(string sql, string database = "postgres")
    {
        await using var connection = new NpgsqlConnection(ConnectionString(database, "Pooling=false;Command Timeout=60"));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>Ends it in good order: connections are closed, everything is written.</summary>
    public Task Stop() => Control("stop", "-m", "fast");

    /// <summary>Ends it as a crash does: at its next start it recovers from the log of what it wrote.</summary>
    public Task Kill() => Control("stop", "-m", "immediate");

    /// <summary>Starts it after a stop, at the same port, and returns when it takes connections.</summary>
    public Task StartAgain() => Control("start", "-l", Path.Combine(folder, "log"), "-t", "60");

    public async Task Restart()
    {
        await Stop();
        await StartAgain();
    }

    /// <summary>Stops it if it runs, and removes its files.</summary>
    public ValueTask DisposeAsync() => guard.DisposeAsync();

    // Nobody disposes these: the guard notices that the process has ended.
    private static Task<PostgresServer> StartShared(PostgresInstallation installation) =>
        Start(installation, new Dictionary<string, string> { ["max_connections"] = "300" });

    private async Task Create(IReadOnlyDictionary<string, string> settings)
    {
        await ServerUser.Run(Path.Combine(installation.Programs, "initdb"), "-D", Data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync");
        Port = FreePort.Next();
        var all = new Dictionary<string, string>
        {
            ["listen_addresses"] = "127.0.0.1",
            ["unix_socket_directories"] = "",
            ["fsync"] = "off",
            ["full_page_writes"] = "off",
            ["shared_buffers"] = "64MB",
            ["max_connections"] = "100",
            ["wal_level"] = "logical",
            ["max_prepared_transactions"] = "10",
            ["timezone"] = "UTC",
        };
        foreach (var (name, value) in settings)
            all[name] = value;
        all["port"] = $"{Port}";
        await File.AppendAllLinesAsync(Path.Combine(Data, "postgresql.conf"), all.Select(setting => $"{setting.Key} = '{setting.Value}'"));
        await StartAgain();
    }

    private Task Control(string verb, params IEnumerable<string> arguments) =>
        ServerUser.Run(Path.Combine(installation.Programs, "pg_ctl"), [verb, "-D", Data, "-s", "-w", .. arguments]);
}
