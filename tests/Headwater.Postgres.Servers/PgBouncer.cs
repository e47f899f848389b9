using System.Globalization;
using System.Net.Sockets;

namespace Headwater.Postgres.Servers;

/// <summary>PgBouncer in transaction mode in front of a server: each transaction may get another of the server's connections.</summary>
public sealed class PgBouncer : IAsyncDisposable
{
    private readonly string folder;
    private readonly Guard guard;

    private PgBouncer(string folder)
    {
        this.folder = folder;
        guard = Guard.Start("""pid=$(cat "$1/pid" 2>/dev/null) && kill -KILL "$pid" 2>/dev/null; rm -rf "$1" """, folder);
    }

    /// <summary>Where it listens.</summary>
    public int Port { get; } = FreePort.Next();

    /// <summary>Its process.</summary>
    public int ProcessId => int.Parse(File.ReadAllText(Path.Combine(folder, "pid")), CultureInfo.InvariantCulture);

    /// <param name="server">The server behind it.</param>
    /// <param name="connections">How many connections to each database it holds at most.</param>
    public static async Task<PgBouncer> Start(PostgresServer server, int connections = 8)
    {
        ArgumentNullException.ThrowIfNull(server);
        var folder = await ServerUser.MakeFolder(null, "headwater-pgbouncer-");
        var bouncer = new PgBouncer(folder);
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "users"), "\"postgres\" \"\"\n");
            await File.WriteAllTextAsync(Path.Combine(folder, "pgbouncer.ini"), string.Create(CultureInfo.InvariantCulture,
                $"""
                [databases]
                * = host=127.0.0.1 port={server.Port}
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = {bouncer.Port}
                unix_socket_dir =
                auth_type = trust
                auth_file = {folder}/users
                pool_mode = transaction
                default_pool_size = {connections}
                max_client_conn = 500
                server_login_retry = 1
                logfile = {folder}/log
                pidfile = {folder}/pid
                """));
            await ServerUser.Run("pgbouncer", "-q", "-d", Path.Combine(folder, "pgbouncer.ini"));
            await bouncer.Ready();
            return bouncer;
        }
        catch
        {
            await bouncer.DisposeAsync();
            throw;
        }
    }

    /// <summary>How to connect through it. Its users are told to leave out what a session keeps, which it does not.</summary>
    public string ConnectionString(string database = "postgres", string more = "") =>
        string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={Port};Username=postgres;Database={database};No Reset On Close=true;{more}");

    /// <summary>Stops it, and removes its files.</summary>
    public ValueTask DisposeAsync() => guard.DisposeAsync();

    /// <summary>It goes into the background before it listens.</summary>
    private async Task Ready()
    {
        using var timeUp = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            using var client = new TcpClient();
            try
            {
                await client.ConnectAsync("127.0.0.1", Port, timeUp.Token);
                return;
            }
            catch (SocketException)
            {
                await pause.WaitForNextTickAsync(timeUp.Token);
            }
        }
    }
}
