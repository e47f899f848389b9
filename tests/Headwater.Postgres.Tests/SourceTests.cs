using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using Headwater.Postgres.Servers;
using Npgsql;

namespace Headwater.Postgres.Tests;

/// <summary>Change data capture: what another application commits to its outbox, or as messages, comes into the log once and in order.</summary>
public sealed class SourceTests : IAsyncLifetime
{
    // A server of its own, because a slot is made only when all transactions of the server have ended that were open.
    private static readonly Lazy<Task<PostgresServer>> ownServer = new(() => PostgresServer.Start());

    private PostgresServer server = null!;
    private string legacy = "";
    private string own = "";

    private string LogConnection => server.ConnectionString(own);

    private string SourceConnection => server.ConnectionString(legacy);

    public async ValueTask InitializeAsync()
    {
        server = await ownServer.Value;
        (legacy, own) = (await server.CreateDatabase(), await server.CreateDatabase());
        await Run("CREATE TABLE outbox (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), aggregatetype text, aggregateid text, type text, payload text, headers jsonb, labels jsonb)");
    }

    public async ValueTask DisposeAsync() => await server.Execute(
        $"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active AND database = '{legacy}'");

    [Fact]
    public async Task Rows_of_an_outbox_come_into_the_log_in_the_order_of_commits()
    {
        await using var node = await Start(options => (options.MetadataColumn, options.TagsColumn) = ("headers", "labels"));
        var id = Guid.NewGuid();
        await Run($$"""
            INSERT INTO outbox VALUES
              ('{{id}}', 'OrderLine', '17', 'line-added', '{"sku":  "a" }', '{"correlation": "c1", "traceparent": "00-1-1-00", "shop": 5}', '{"customer": "7"}');
            """);

        // The second transaction begins first and commits last, and its rows stand between others.
        await using var slow = await Open();
        await using var slowly = await slow.BeginTransactionAsync();
        await Run(slow, Insert("order", "1", "first-begun"));
        await Run(Insert("order", "2", "second"), Insert("order", "3", "third"), Insert("order", "2", "fourth"));
        await Run(slow, Insert("order", "2", "first-begun-too"));
        await slowly.CommitAsync();
        await Run("UPDATE outbox SET type = 'changed'", "DELETE FROM outbox", Insert("order", "1", "last"));

        var events = await node.Events(7);

        Assert.Equal(
            ["order_line-17 line-added 1", "order-2 second 1", "order-3 third 1", "order-2 fourth 2", "order-1 first-begun 1", "order-2 first-begun-too 3", "order-1 last 2"],
            events.Select(happened => $"{happened.Stream} {happened.Type} {happened.Version}"));
        var first = events[0];
        Assert.Equal((id, """{"sku":  "a" }"""), (first.Id, Encoding.UTF8.GetString(first.Data.Span)));
        Assert.Equal(new EventMetadata { Correlation = "c1", TraceParent = "00-1-1-00" }, first.Metadata);
        Assert.Equal([new Tag("customer", "7")], first.Tags);
    }

    [Fact]
    public async Task What_is_rolled_back_is_never_seen()
    {
        await using var node = await Start();
        await using (var connection = await Open())
        {
            await using var transaction = await connection.BeginTransactionAsync();
            await Run(connection, Insert("order", "1", "undone"));
            await transaction.RollbackAsync();
            await using var another = await connection.BeginTransactionAsync();
            await Run(connection, Insert("order", "1", "kept"));
            await another.SaveAsync("here");
            await Run(connection, Insert("order", "1", "undone"));
            await another.RollbackAsync("here");
            await another.CommitAsync();
        }

        await Run(Insert("order", "1", "last"));

        Assert.Equal(["kept", "last"], (await node.Events(2)).Select(happened => happened.Type));
    }

    [Fact]
    public async Task Messages_come_into_the_log_and_those_of_others_do_not()
    {
        await using var node = await Start(options => options.MessagePrefix = "shop");
        await node.Reaches(SourceState.Live);
        var id = Guid.NewGuid();
        await Run(
            """SELECT pg_logical_emit_message(true, 'shop', '{"stream": "order-1", "type": "placed", "data": {"n": 1.50}, "tags": {"customer": "7"}}')""",
            "SELECT pg_logical_emit_message(true, 'another', 'what it may be')",
            $$$"""SELECT pg_logical_emit_message(true, 'shop', '{"id": "{{{id}}}", "stream": "order-1", "type": "paid", "data": {}, "metadata": {"actor": "me"}}')""");

        var events = await node.Events(2);

        Assert.Equal(["placed", "paid"], events.Select(happened => happened.Type));
        Assert.Equal("""{"n": 1.50}""", Encoding.UTF8.GetString(events[0].Data.Span));
        Assert.Equal([new Tag("customer", "7")], events[0].Tags);
        Assert.Equal((id, "me"), (events[1].Id, events[1].Metadata.Actor));
    }

    [Fact]
    public async Task After_a_stop_it_goes_on_where_it_was_and_doubles_nothing()
    {
        await using (var node = await Start(options => options.IdColumn = null))
        {
            await Run(Insert("order", "1", "first"));
            await node.Events(1);
        }

        await Run(Insert("order", "1", "while-away"));
        await using var again = await Start(options => options.IdColumn = null);
        await Run(Insert("order", "1", "afterwards"));

        var events = await again.Events(3);
        Assert.Equal(["first", "while-away", "afterwards"], events.Select(happened => happened.Type));
        Assert.Equal(3, events.Select(happened => happened.Id).Distinct().Count());
    }

    [Fact]
    public async Task What_the_server_sends_again_is_not_appended_again()
    {
        await using (var node = await Start(options => options.IdColumn = null))
        {
            await Run("SELECT pg_create_logical_replication_slot('before', 'pgoutput')", Insert("order", "1", "first"), Insert("order", "1", "second"));
            await node.Events(2);
        }

        // The slot as it was before the confirmation, beside the checkpoint as it is after the commit.
        await Rewind();
        await using var again = await Start(options => options.IdColumn = null);
        await Run(Insert("order", "1", "third"));

        Assert.Equal(["first", "second", "third"], (await again.Events(3)).Select(happened => happened.Type));

        // Makes the slot anew at a place before the events: from a copy that was made before them.
        async Task Rewind()
        {
            await server.Execute($"SELECT pg_drop_replication_slot('{SourceNode.Slot}')", legacy);
            await server.Execute($"SELECT pg_copy_logical_replication_slot('before', '{SourceNode.Slot}')", legacy);
            await server.Execute("SELECT pg_drop_replication_slot('before')", legacy);
        }
    }

    [Fact]
    public async Task A_large_transaction_comes_in_parts_and_a_small_one_as_a_whole()
    {
        await using var node = await Start();
        await Run("INSERT INTO outbox (aggregatetype, aggregateid, type, payload) SELECT 'order', i % 7, 'placed', json_build_object('n', i) FROM generate_series(1, 2000) i");

        var events = await node.Events(2000);

        Assert.Equal(Enumerable.Range(1, 2000), events.Select(happened => int.Parse(Encoding.UTF8.GetString(happened.Data.Span).Split(':')[1].Trim(' ', '}'), CultureInfo.InvariantCulture)));
    }

    [Theory]
    [InlineData("NULL, '1', 'placed', '{}'", "'aggregatetype' must hold a value, and is null or missing")]
    [InlineData("'order', '1', NULL, '{}'", "'type' must hold a value")]
    [InlineData("'order', '1', 'placed', '{\"n\": '", "'payload' must hold JSON")]
    [InlineData("'order', '1', 'placed', 'null'", "JSON that is not null")]
    [InlineData("'17', '1', 'placed', '{}'", "holds '17'")]
    public async Task What_is_no_event_stops_the_source_before_it(string values, string expected)
    {
        await using var node = await Start();
        await Run(Insert("order", "1", "first"), $"INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ({values})", Insert("order", "1", "behind"));

        var status = await node.Reaches(SourceState.Stopped);

        Assert.Contains(expected, status.Failure, StringComparison.Ordinal);
        Assert.Matches("committed at [0-9A-F]+/[0-9A-F]+ ", status.Failure);
        Assert.Contains(node.Lines.Seen, line => line.StartsWith("Error: The source 'legacy-outbox' is stopped", StringComparison.Ordinal) && line.Contains(expected, StringComparison.Ordinal));
        Assert.Equal("first", (await node.Events(1)).Single().Type);
    }

    [Fact]
    public async Task What_is_no_event_is_passed_over_and_kept_if_the_settings_say_so()
    {
        await using var node = await Start(options => options.SkipUnmappable = true);
        var id = Guid.NewGuid();
        await Run(
            Insert("order", "1", "first", id), Insert("order", "1", "broken", payload: "{"),
            "SELECT 1; " + Insert("order", "1", "second"));

        Assert.Equal(["first", "second"], (await node.Events(2)).Select(happened => happened.Type));
        var kept = (string)(await server.Execute("SELECT error || ' ' || content FROM headwater.source_skipped", own))!;
        Assert.Contains("'payload' must hold JSON", kept, StringComparison.Ordinal);
        Assert.Contains("\"type\":\"broken\"", kept, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_outside_its_transaction_is_refused()
    {
        await using var node = await Start(options => (options.MessagePrefix, options.SkipUnmappable) = ("shop", true));
        await node.Reaches(SourceState.Live);
        await Run(
            """SELECT pg_logical_emit_message(false, 'shop', '{"stream": "order-1", "type": "placed", "data": {}}')""",
            """SELECT pg_logical_emit_message(true, 'shop', '{"stream": "order-1", "type": "paid", "data": {}}')""");

        Assert.Equal("paid", (await node.Events(1)).Single().Type);
        Assert.Equal(1L, await server.Execute("SELECT count(*) FROM headwater.source_skipped WHERE error LIKE '%outside its transaction%'", own));
    }

    [Fact]
    public async Task An_event_that_is_known_already_is_left_out_and_another_one_of_its_id_stops()
    {
        await using var node = await Start();
        var id = Guid.NewGuid();
        await Run($"CREATE TABLE more (LIKE outbox)", $"ALTER TABLE outbox DROP CONSTRAINT outbox_pkey");
        await Run(Insert("order", "1", "first", id), Insert("order", "1", "first", id) + ";" + Insert("order", "1", "second"));
        Assert.Equal(["first", "second"], (await node.Events(2)).Select(happened => happened.Type));

        await Run(Insert("order", "2", "third"), Insert("order", "1", "other", id));

        Assert.Contains($"its event id {id} stands at position", (await node.Reaches(SourceState.Stopped)).Failure, StringComparison.Ordinal);
        await node.Events(3);
    }

    [Fact]
    public async Task A_slot_that_was_dropped_stops_the_source_until_somebody_decides()
    {
        await using (var node = await Start())
        {
            await Run(Insert("order", "1", "first"));
            await node.Events(1);
        }

        await server.Execute($"SELECT pg_drop_replication_slot('{SourceNode.Slot}')", legacy);
        await Run(Insert("order", "1", "lost"));
        await using var again = await Start();

        var status = await again.Reaches(SourceState.Stopped);
        Assert.Contains($"slot '{SourceNode.Slot}' was expected", status.Failure, StringComparison.Ordinal);
        Assert.Contains(again.Lines.Seen, line => line.StartsWith("Error", StringComparison.Ordinal) && line.Contains("is not there", StringComparison.Ordinal));
        Assert.Equal(0L, await server.Execute($"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{SourceNode.Slot}'"));

        // The way on is the statement in the message.
        await server.Execute(status.Failure![status.Failure!.IndexOf("SELECT", StringComparison.Ordinal)..], own);
        await again.Reaches(SourceState.Live);
        await Run(Insert("order", "1", "anew"));
        Assert.Equal(["first", "anew"], (await again.Events(2)).Select(happened => happened.Type));
    }

    [Fact]
    public async Task A_slot_that_somebody_else_has_read_from_stops_the_source()
    {
        await using (var node = await Start())
        {
            await Run(Insert("order", "1", "first"));
            await node.Events(1);
        }

        await Run(Insert("order", "1", "taken-by-another"));
        await server.Execute($"SELECT pg_replication_slot_advance('{SourceNode.Slot}', pg_current_wal_lsn())", legacy);
        await using var again = await Start();

        Assert.Contains("somebody else has read from it", (await again.Reaches(SourceState.Stopped)).Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_slot_that_the_log_has_not_made_is_left_alone()
    {
        await server.Execute($"SELECT pg_create_logical_replication_slot('{SourceNode.Slot}', 'pgoutput')", legacy);
        await using var node = await Start();
        Assert.Contains("this log has not made it", (await node.Reaches(SourceState.Stopped)).Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_checkpoint_of_another_database_stops_the_source()
    {
        await using (var node = await Start())
        {
            await Run(Insert("order", "1", "first"));
            await node.Events(1);
        }

        await server.Execute("UPDATE headwater.sources SET system = '1'", own);
        await using var again = await Start();

        Assert.Contains("system identifier 1", (await again.Reaches(SourceState.Stopped)).Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Missing_rights_are_named()
    {
        await Run($"DROP ROLE IF EXISTS clerk_{legacy}", $"CREATE ROLE clerk_{legacy} LOGIN", $"GRANT SELECT ON outbox TO clerk_{legacy}");
        var connection = SourceConnection.Replace("Username=postgres", $"Username=clerk_{legacy}", StringComparison.Ordinal);
        await using var node = await SourceNode.Start(LogConnection, connection);
        Assert.Contains($"ALTER ROLE \"clerk_{legacy}\" REPLICATION", (await node.Reaches(SourceState.Stopped)).Failure, StringComparison.Ordinal);

        await Run($"ALTER ROLE clerk_{legacy} REPLICATION");
        await Soon.Is(() => node.Status.Failure?.Contains("CREATE PUBLICATION \"headwater_legacy_outbox\" FOR TABLE", StringComparison.Ordinal) == true);

        await Run("CREATE PUBLICATION headwater_legacy_outbox FOR TABLE outbox");
        await node.Reaches(SourceState.Live);
    }

    [Fact]
    public async Task A_second_node_stands_by_and_takes_over()
    {
        await using var first = await Start();
        await first.Reaches(SourceState.Live);
        await using var second = await Start();
        await second.Reaches(SourceState.Standby);
        await Run(Insert("order", "1", "before"));
        await second.Events(1);

        await first.DisposeAsync();
        await Run(Insert("order", "1", "after"));

        await second.Reaches(SourceState.Live);
        Assert.Equal(["before", "after"], (await second.Events(2)).Select(happened => happened.Type));
    }

    [Fact]
    public async Task What_the_server_keeps_is_shown_and_warned_about()
    {
        var lag = 0L;
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Name == "headwater.source.lag.bytes")
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => lag = Math.Max(lag, value));
        listener.Start();
        await using var node = await Start(options => options.WarnRetainedBytes = 1 << 20);
        await Run(Insert("order", "1", "broken", payload: "{"));
        await node.Reaches(SourceState.Stopped);

        await Run("CREATE TABLE filler AS SELECT repeat(md5(i::text), 50) AS t FROM generate_series(1, 4000) i");

        await Soon.Is(() => node.Status is { LagBytes: > 1 << 20, RetainedBytes: > 1 << 20, Lag.Ticks: > 0 }, () => $"{node.Status}");
        await Soon.Is(() => node.Lines.Seen.Any(line => line.StartsWith($"Warning: The slot '{SourceNode.Slot}'", StringComparison.Ordinal)));
        listener.RecordObservableInstruments();
        Assert.InRange(lag, 1 << 20, long.MaxValue);
    }

    [Fact]
    public async Task While_nothing_comes_the_server_can_let_go_of_its_log()
    {
        await using var node = await Start();
        await node.Reaches(SourceState.Live);
        await Run("CREATE TABLE other AS SELECT repeat(md5(i::text), 50) AS t FROM generate_series(1, 4000) i");
        var written = (string)(await server.Execute("SELECT pg_current_wal_lsn()::text"))!;

        await Soon.Is(async () => (bool)(await server.Execute($"SELECT confirmed_flush_lsn >= '{written}' FROM pg_replication_slots WHERE slot_name = '{SourceNode.Slot}'"))!);
    }

    [Fact]
    public async Task Inline_projections_take_part_in_the_transaction()
    {
        await using var node = await Start(more: headwater => headwater.AddSqlProjection<Types>("types", types => types.Inline()));
        await Run(Insert("order", "1", "placed"), Insert("order", "1", "paid"));
        await node.Events(2);

        Assert.Equal("paid,placed", await server.Execute("SELECT string_agg(type, ',' ORDER BY type) FROM types", own));
    }

    [Fact]
    public void Wrong_settings_are_named()
    {
        Assert.Contains("either a table or a MessagePrefix", Mistake(options => options.Table = null), StringComparison.Ordinal);
        Assert.Contains("PostgresSourceOptions.Slot is 'A-b'", Mistake(options => options.Slot = "A-b"), StringComparison.Ordinal);
        Assert.Contains("ConnectionString is empty", Mistake(options => options.ConnectionString = ""), StringComparison.Ordinal);

        static string Mistake(Action<PostgresSourceOptions> mistake)
        {
            var options = new PostgresSourceOptions { ConnectionString = "Host=there", Table = "outbox" };
            mistake(options);
            return Assert.Throws<ArgumentException>(() => options.Check("shop")).Message;
        }
    }

    private async Task<SourceNode> Start(Action<PostgresSourceOptions>? configure = null, Action<HeadwaterBuilder>? more = null)
    {
        var node = await SourceNode.Start(LogConnection, SourceConnection, configure, more);

        // What is committed before the slot is made is not taken over.
        await Soon.Is(() => node.Status.State is not SourceState.Starting, () => $"{string.Join(";", node.Lines.Seen)}");
        return node;
    }

    private static string Insert(string type, string id, string eventType, Guid? eventId = null, string payload = "{}") =>
        $"INSERT INTO outbox VALUES ('{eventId ?? Guid.NewGuid()}', '{type}', '{id}', '{eventType}', '{payload}')";

    private async Task<NpgsqlConnection> Open()
    {
        var connection = new NpgsqlConnection(SourceConnection + "Pooling=false");
        await connection.OpenAsync();
        return connection;
    }

    /// <summary>Each statement in a transaction of its own.</summary>
    private async Task Run(params string[] statements)
    {
        foreach (var statement in statements)
            await server.Execute(statement, legacy);
    }

    private static async Task Run(NpgsqlConnection connection, string statement)
    {
        await using var command = new NpgsqlCommand(statement, connection);
        await command.ExecuteNonQueryAsync();
    }
}
