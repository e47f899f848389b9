using System.Globalization;
using Headwater.Postgres.Servers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Headwater.Postgres.Faults;

/// <summary>That a source loses and doubles nothing when it, or the servers, are killed at any time.</summary>
public sealed class SourceTests
{
    private const string Slot = "headwater_legacy";

    [Fact]
    public async Task Killed_at_any_time_nodes_and_servers_lose_and_double_nothing()
    {
        const int Rows = 1500;
        const int Kills = 4;
        await using var legacy = await PostgresServer.Start();
        await using var log = await PostgresServer.Start();
        await legacy.Execute("CREATE TABLE outbox (n serial, stream text, type text, payload jsonb)");
        await using (var first = await Ready(legacy, log))
            await first.Kill();

        // Without ids of its own: what comes again would be told by its place alone. One writer, so its order is that of the commits.
        var writing = Write();
        var unconfirmed = 0;
        for (var kill = 1; kill <= Kills; kill++)
        {
            await using var node = OtherProcess.Start("source", legacy.ConnectionString(), log.ConnectionString());
            var target = kill * Rows / (Kills + 2);
            await Soon.Is(async () => await Count(log) >= target, $"{target} events are in the log", TimeSpan.FromMinutes(2));
            await node.Kill();
            unconfirmed += await IsAheadOfTheSlot(legacy, log) ? 1 : 0;
            if (kill == 2)
                await KillAndStart(log);
            if (kill == 3)
                await KillAndStart(legacy);
        }

        await writing;
        await using var last = OtherProcess.Start("source", legacy.ConnectionString(), log.ConnectionString());
        await Soon.Is(async () => await Count(log) >= Rows, "all events are in the log", TimeSpan.FromMinutes(2));
        await legacy.Execute("INSERT INTO outbox (stream, type, payload) VALUES ('end-1', 'end', '{\"n\": 0}')");
        await Soon.Is(async () => (bool)(await log.Execute("SELECT EXISTS (SELECT FROM headwater.events WHERE stream = 'end-1')"))!, "the end is in the log");

        // Rows that the server crashed over have a hole in their numbers; what counts is what it has.
        var there = (string)(await legacy.Execute("SELECT md5(string_agg(n::text, ',' ORDER BY n)) FROM outbox WHERE type = 'placed'"))!;
        Assert.Equal(there, await log.Execute("SELECT md5(string_agg(data ->> 'n', ',' ORDER BY position)) FROM headwater.events WHERE type = 'placed'"));
        Assert.True(unconfirmed > 0, "No kill came between a commit and its confirmation.");

        async Task Write()
        {
            for (var written = 0L; written < Rows;)
            {
                try
                {
                    await legacy.Execute("""
                        INSERT INTO outbox SELECT x.n, 'order-' || x.n % 3, 'placed', json_build_object('n', x.n)
                        FROM (SELECT nextval('outbox_n_seq') AS n FROM generate_series(1, 5)) x
                        """);
                    written = (long)(await legacy.Execute("SELECT count(*) FROM outbox"))!;
                }
                catch (Npgsql.NpgsqlException)
                {
                    // The server was killed; the next attempt will do once it is back.
                }
            }
        }
    }

    [Fact]
    public async Task A_server_with_a_source_stops_in_good_order_and_the_source_goes_on_after_its_restart()
    {
        await using var server = await PostgresServer.Start();
        var own = await server.CreateDatabase();
        await server.Execute("CREATE TABLE outbox (n serial, stream text, type text, payload jsonb)");
        await using var node = await Ready(server, server, own);
        await server.Execute("INSERT INTO outbox (stream, type, payload) VALUES ('order-1', 'placed', '{}')");
        await Soon.Is(async () => await Count(server, own) == 1, "the event is in the log");

        // A consumer that does not confirm would make it wait for good; pg_ctl gives up after a minute.
        await server.Restart();
        await server.Execute("INSERT INTO outbox (stream, type, payload) VALUES ('order-1', 'paid', '{}')");
        await Soon.Is(async () => await Count(server, own) == 2, "the event after the restart is in the log", TimeSpan.FromMinutes(1));

        await server.Kill();
        await server.StartAgain();
        await server.Execute("INSERT INTO outbox (stream, type, payload) VALUES ('order-1', 'shipped', '{}')");
        await Soon.Is(async () => await Count(server, own) == 3, "the event after the crash is in the log", TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task When_a_node_is_killed_the_one_that_stands_by_takes_over_within_seconds()
    {
        await using var server = await PostgresServer.Start();
        var own = await server.CreateDatabase();
        await server.Execute("CREATE TABLE outbox (n serial, stream text, type text, payload jsonb)");
        await using var first = await Ready(server, server, own);
        await using var second = await Ready(server, server, own, SourceState.Standby);

        await first.Kill();
        await server.Execute("INSERT INTO outbox (stream, type, payload) VALUES ('order-1', 'placed', '{}')");

        await Soon.Is(async () => await Count(server, own) == 1, "the other node takes over", TimeSpan.FromSeconds(15));
    }

    [Fact]
    public async Task A_slot_whose_log_the_server_has_thrown_away_stops_the_source()
    {
        await using var server = await PostgresServer.Start(settings: new Dictionary<string, string> { ["max_slot_wal_keep_size"] = "1MB", ["max_wal_size"] = "32MB" });
        var own = await server.CreateDatabase();
        await server.Execute("CREATE TABLE outbox (n serial, stream text, type text, payload jsonb)");
        await using (var node = await Ready(server, server, own))
            await node.Kill();

        for (var i = 0; i < 4; i++)
            await server.Execute("SELECT pg_switch_wal(), (SELECT count(*) FROM (SELECT pg_logical_emit_message(false, 'filler', repeat('x', 100000)) FROM generate_series(1, 100)) f)");
        await server.Execute("CHECKPOINT");
        await using var again = OtherProcess.Start("source", server.ConnectionString(), server.ConnectionString(own));

        Assert.Contains("is invalidated", await Line(again, SourceState.Stopped), StringComparison.Ordinal);
    }

    /// <summary>Another process's part: takes over until it is killed, and says each state it comes to.</summary>
    internal static async Task Run(string legacy, string log)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddHeadwater(headwater => headwater.UsePostgres(log).AddPostgresSource("legacy", source =>
        {
            (source.ConnectionString, source.Table) = (legacy, "outbox");
            (source.StreamColumn, source.IdColumn) = ("stream", null);
        }));
        using var host = builder.Build();
        await host.StartAsync();
        var source = host.Services.GetRequiredService<ISource>();
        var said = "";
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (await ticks.WaitForNextTickAsync())
        {
            var line = $"{source.Status.State} {source.Status.Failure}";
            if (line == said)
                continue;
            await Console.Out.WriteLineAsync(said = line);
            await Console.Out.FlushAsync();
        }
    }

    private static async Task<OtherProcess> Ready(PostgresServer legacy, PostgresServer log, string database = "postgres", SourceState state = SourceState.Live)
    {
        var node = OtherProcess.Start("source", legacy.ConnectionString(), log.ConnectionString(database));
        await Line(node, state);
        return node;
    }

    private static async Task<string> Line(OtherProcess node, SourceState state)
    {
        while (true)
        {
            var line = await node.ReadLine() ?? throw new InvalidOperationException($"The node ended before it was {state}.");
            if (line.StartsWith($"{state}", StringComparison.Ordinal))
                return line;
        }
    }

    private static async Task<long> Count(PostgresServer log, string database = "postgres")
    {
        try
        {
            return (long)(await log.Execute("SELECT count(*) FROM headwater.events", database))!;
        }
        catch (Npgsql.NpgsqlException)
        {
            return 0;
        }
    }

    private static async Task<bool> IsAheadOfTheSlot(PostgresServer legacy, PostgresServer log)
    {
        var checkpoint = (string)(await log.Execute("SELECT lsn::text FROM headwater.sources"))!;
        return (bool)(await legacy.Execute(string.Create(CultureInfo.InvariantCulture, $"SELECT confirmed_flush_lsn < '{checkpoint}' FROM pg_replication_slots WHERE slot_name = '{Slot}'")))!;
    }

    private static async Task KillAndStart(PostgresServer server)
    {
        await server.Kill();
        await server.StartAgain();
    }
}
