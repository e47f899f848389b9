using System.Globalization;
using Headwater.Postgres.Servers;
using Npgsql;

namespace Headwater.Postgres.Faults;

/// <summary>That the servers of the tests start and stop as they are told, and leave nothing behind.</summary>
public sealed class ServerTests
{
    public static TheoryData<int> Versions => [PostgresInstallation.Distribution.Version, 18];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_server_starts_stops_and_crashes_as_told_and_keeps_what_was_committed(int version)
    {
        await using var server = await PostgresServer.Start(Installation(version), new Dictionary<string, string> { ["max_connections"] = "33" });
        var database = await server.CreateDatabase();
        Assert.StartsWith($"{version}.", (string)(await server.Execute("SHOW server_version"))!, StringComparison.Ordinal);
        Assert.Equal("33", await server.Execute("SHOW max_connections"));
        Assert.Equal("logical", await server.Execute("SHOW wal_level"));
        await server.Execute("CREATE TABLE kept (id int)", database);

        await server.Stop();
        await Assert.ThrowsAsync<NpgsqlException>(() => server.Execute("SELECT 1"));
        await server.StartAgain();
        await server.Execute("INSERT INTO kept VALUES (1)", database);
        await server.Kill();
        await server.StartAgain();

        Assert.Equal(1L, await server.Execute("SELECT count(*) FROM kept", database));
        Assert.Contains("automatic recovery in progress", server.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Behind_PgBouncer_sessions_share_few_connections()
    {
        await using var server = await PostgresServer.Start();
        await using var bouncer = await PgBouncer.Start(server, connections: 2);
        var open = new List<NpgsqlConnection>();
        var behind = new HashSet<int>();
        for (var i = 0; i < 10; i++)
        {
            var connection = new NpgsqlConnection(bouncer.ConnectionString(more: "Pooling=false"));
            open.Add(connection);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand("SELECT pg_backend_pid()", connection);
            behind.Add((int)(await command.ExecuteScalarAsync())!);
        }

        foreach (var connection in open)
            await connection.DisposeAsync();
        Assert.InRange(behind.Count, 1, 2);
    }

    [Fact]
    public async Task Nothing_is_left_when_a_server_is_disposed()
    {
        var server = await PostgresServer.Start();
        var (process, data) = (server.ProcessId, server.Data);
        Assert.True(IsRunning(process));

        await server.DisposeAsync();

        Assert.False(IsRunning(process));
        Assert.False(Directory.Exists(Path.GetDirectoryName(data)));
    }

    [Fact]
    public async Task Nothing_is_left_when_the_process_that_started_it_is_killed()
    {
        await using var other = OtherProcess.Start("server");
        var server = int.Parse((await other.ReadLine())!, CultureInfo.InvariantCulture);
        var bouncer = int.Parse((await other.ReadLine())!, CultureInfo.InvariantCulture);
        var folder = Path.GetDirectoryName(await other.ReadLine())!;
        Assert.True(IsRunning(server) && IsRunning(bouncer) && Directory.Exists(folder));

        await other.Kill();

        await Soon.Is(() => !IsRunning(server) && !IsRunning(bouncer) && !Directory.Exists(folder), "nothing is left");
    }

    /// <summary>Another process's part: starts servers, says which, and is killed.</summary>
    internal static async Task StartAndSay()
    {
        var server = await PostgresServer.Start();
        var bouncer = await PgBouncer.Start(server);
        Console.WriteLine(server.ProcessId);
        Console.WriteLine(bouncer.ProcessId);
        Console.WriteLine(server.Data);
        await Task.Delay(Timeout.Infinite);
    }

    private static PostgresInstallation Installation(int version) => version == 18 ? PostgresInstallation.Newest : PostgresInstallation.Distribution;

    private static bool IsRunning(int process) => Directory.Exists($"/proc/{process}");
}
