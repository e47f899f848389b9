using System.Globalization;
using System.Text;
using Npgsql;
using Npgsql.Replication;
using NpgsqlTypes;

namespace Headwater;

/// <summary>
/// Takes the source's slot, and makes publication and slot at the first start. Before that it makes sure that the slot is the one the
/// checkpoint speaks of: a slot that was lost, or that somebody else moved, would leave out events without a word.
/// </summary>
internal sealed class SourceSlot(string name, PostgresSourceOptions options, NpgsqlConnectionStringBuilder settings, NpgsqlDataSource source, PostgresDatabase log)
{
    // The server gives up a consumer that says nothing for so long, so that another node can take over.
    private static readonly TimeSpan silence = TimeSpan.FromSeconds(15);

    // A slot is made when all transactions have ended that are open then, in whichever database of the server.
    private static readonly TimeSpan patience = TimeSpan.FromMinutes(10);

    private readonly string slot = options.Slot!;
    private readonly string publication = options.Publication!;

    /// <summary>What is held of the source: a connection that can start to read, from where.</summary>
    public sealed record Held(LogicalReplicationConnection Connection, string System, SourceCheckpoint At);

    public ValueTask<SourceMemory?> Remembered(CancellationToken cancel) => Remembered(log, name, cancel);

    /// <exception cref="SourceStoppedException">It cannot be taken, or must not be.</exception>
    /// <exception cref="SlotInUseException">Another node has it.</exception>
    public async Task<Held> Take(CancellationToken cancel)
    {
        var connection = await Connect(cancel);
        try
        {
            var server = await connection.IdentifySystem(cancel);

            // In this order: whoever holds the slot saves his checkpoint before he confirms.
            var found = await SlotState.Ask(source, log.Sql, slot, cancel);
            var memory = await Remembered(cancel);
            if (memory?.At is not null)
                await Check(memory, found, server, connection, cancel);
            else if (memory is null && found.Exists)
                throw Stop($"The slot '{slot}' is there already, and this log has not made it. A slot has one consumer. Choose another slot (PostgresSourceOptions.Slot). If it was made for this source, say so to the log: {BeginAnew}");
            await CheckPublication(cancel);
            if (found.ActivePid is { } pid)
                throw new SlotInUseException($"The slot '{slot}' is in use by the server's process {pid}; this node takes over when it is free.");
            var at = memory?.At ?? await Begin(memory, found, server, connection, cancel);
            return new Held(connection, server.SystemId, at);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private string BeginAnew => $"SELECT {log.QuotedSchema}.begin_source_anew('{name}', '{slot}')";

    private static async ValueTask<SourceMemory?> Remembered(PostgresDatabase log, string name, CancellationToken cancel) =>
        (await log.Query(log.Sql.SourceLoad, parameters => parameters.With(name), SourceMemory.Read, cancel)).FirstOrDefault();

    private async Task<LogicalReplicationConnection> Connect(CancellationToken cancel)
    {
        var own = new NpgsqlConnectionStringBuilder(settings.ConnectionString);
        own.Options = string.Create(CultureInfo.InvariantCulture, $"{own.Options} -c wal_sender_timeout={(int)silence.TotalMilliseconds}").Trim();
        var connection = new LogicalReplicationConnection(own.ConnectionString) { WalReceiverTimeout = silence, WalReceiverStatusInterval = silence / 5 };
        try
        {
            await connection.Open(cancel);
            connection.CommandTimeout = patience;
            return connection;
        }
        catch (Exception e)
        {
            await connection.DisposeAsync();
            if (e is PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } refused)
                throw Stop($"The user may not replicate: {refused.MessageText}. Run as an administrator: ALTER ROLE \"{settings.Username}\" REPLICATION", e);
            throw;
        }
    }

    /// <summary>Begins where the slot stands, which is made if there is none. It is announced first, so that a slot that was made before a crash is known as ours.</summary>
    private async Task<SourceCheckpoint> Begin(
        SourceMemory? memory, SlotState found, ReplicationSystemIdentification server, LogicalReplicationConnection connection, CancellationToken cancel)
    {
        if (memory is null)
            await Remember(log.Sql.SourceAnnounce, parameters => parameters.With(name).With(slot), cancel);
        if (memory is not null && memory.Slot != slot)
            throw Stop($"Its slot is to be '{memory.Slot}', and the settings say '{slot}'. Set PostgresSourceOptions.Slot to that, or run: {BeginAnew}");
        CheckSlot(found, server);
        var lsn = found.Confirmed ?? await MakeSlot(connection, cancel);
        await Remember(log.Sql.SourceBegin, parameters => parameters.With(name).With(server.SystemId)
            .With((long)server.Timeline).With(server.DbName!).With(lsn, NpgsqlDbType.PgLsn), cancel);

        // Another node may have been faster.
        return (await Remembered(cancel))?.At ?? throw new SlotInUseException($"The source '{name}' was begun anew just now; this node looks again.");
    }

    private async Task<NpgsqlLogSequenceNumber> MakeSlot(LogicalReplicationConnection connection, CancellationToken cancel)
    {
        try
        {
            return (await connection.CreatePgOutputReplicationSlot(slot, slotSnapshotInitMode: LogicalSlotSnapshotInitMode.NoExport, cancellationToken: cancel)).ConsistentPoint;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.DuplicateObject)
        {
            throw new SlotInUseException($"Another node makes the slot '{slot}' just now.");
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ObjectNotInPrerequisiteState)
        {
            throw Stop($"The slot '{slot}' cannot be made: {e.MessageText}. Set wal_level = logical in the server's postgresql.conf and restart it.", e);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ConfigurationLimitExceeded)
        {
            throw Stop($"The slot '{slot}' cannot be made: {e.MessageText}. Drop slots nobody uses, or raise max_replication_slots.", e);
        }
    }

    private async Task Check(
        SourceMemory memory, SlotState found, ReplicationSystemIdentification server, LogicalReplicationConnection connection, CancellationToken cancel)
    {
        var at = memory.At!.Value.Lsn;
        if (memory.Slot != slot)
            throw Stop($"Its checkpoint is that of slot '{memory.Slot}', and the settings say '{slot}'. Set PostgresSourceOptions.Slot back. To go on with the other slot, and without what was committed in between: {BeginAnew}");
        if (memory.System != server.SystemId || memory.Database != server.DbName)
            throw Stop($"Its checkpoint {at} is of database '{memory.Database}' on the server with system identifier {memory.System}, and this is '{server.DbName}' on {server.SystemId}. Correct the connection string. If the database has moved: {Anew}");
        if (!found.Exists && (await SlotState.Ask(source, log.Sql, slot, cancel)).Exists)
            throw new SlotInUseException($"Another node has made the slot '{slot}' just now.");
        if (!found.Exists)
            throw Stop($"The slot '{slot}' was expected at or before {at} and is not there; it was dropped, or the server is a copy or a standby that took over without it. What was committed after {at} may be missing. {Anew}");
        CheckSlot(found, server);
        if (found.Confirmed > at)
            throw Stop($"The slot '{slot}' stands at {found.Confirmed}, beyond the checkpoint {at}: somebody else has read from it, or the log is an older copy. What was committed in between may be missing. {Anew}");
        if (server.XLogPos < at)
            throw Stop($"The server has written up to {server.XLogPos} only, and the checkpoint is {at}: it is an older copy. What it commits now would be taken for known. {Anew}");
        if (memory.Timeline != server.Timeline)
            await CheckHistory(at, memory.Timeline, server, connection, cancel);
    }

    /// <summary>A standby that took over goes on from some place; whether what was read before that is part of its past says its history.</summary>
    private async Task CheckHistory(
        NpgsqlLogSequenceNumber at, long? timeline, ReplicationSystemIdentification server, LogicalReplicationConnection connection, CancellationToken cancel)
    {
        var history = Encoding.UTF8.GetString((await connection.TimelineHistory(server.Timeline, cancel)).Content);
        var left = history.Split('\n').Select(line => line.Split('\t')).FirstOrDefault(parts => parts.Length > 1 && parts[0] == timeline?.ToString(CultureInfo.InvariantCulture));
        if (left is null || NpgsqlLogSequenceNumber.Parse(left[1]) < at)
            throw Stop($"The server went from timeline {timeline} to {server.Timeline} at {left?[1] ?? "an unknown place"}, before the checkpoint {at}: a standby took over that had not got all, or a backup was restored. The log has events the server has lost. {Anew}");
        await Remember(log.Sql.SourceTimeline, parameters => parameters.With(name).With((long)server.Timeline), cancel);
    }

    private void CheckSlot(SlotState found, ReplicationSystemIdentification server)
    {
        if (!found.Exists)
            return;
        if (found.Plugin != "pgoutput" || found.Database != server.DbName)
            throw Stop($"The slot '{slot}' is of another kind: expected a logical slot of database '{server.DbName}' with pgoutput, and found {(found.Plugin is null ? "a physical slot" : $"one of '{found.Database}' with {found.Plugin}")}. Choose another slot (PostgresSourceOptions.Slot).");
        if (found.WalStatus == "lost")
            throw Stop($"The slot '{slot}' is invalidated: the server no longer keeps what it needs (max_slot_wal_keep_size). What was committed after {found.Confirmed} may be missing. Drop it (SELECT pg_drop_replication_slot('{slot}')). {Anew}");
    }

    private async Task CheckPublication(CancellationToken cancel)
    {
        var (schema, table) = options.Table is null ? ("", "") : options.TableParts;
        var quoted = $"\"{schema}\".\"{table}\"";
        if (await Publishes(schema, table, cancel) is { } published)
        {
            if (options.Table is not null && published is not (true, true))
                throw Stop($"The publication '{publication}' {(published.Table ? "publishes no inserts" : $"does not publish {quoted}")}, so rows are not sent. Run as its owner: {(published.Table ? $"ALTER PUBLICATION \"{publication}\" SET (publish = 'insert')" : $"ALTER PUBLICATION \"{publication}\" ADD TABLE {quoted}")}");
            return;
        }

        if (options.Table is not null && !(bool)(await Ask(log.Sql.TableExists, parameters => parameters.With(quoted), cancel))!)
            throw Stop($"There is no table {quoted} in database '{settings.Database}' (PostgresSourceOptions.Table).");
        var create = (options.Table is null ? log.Sql.CreatePublication : log.Sql.CreatePublicationOfTable)
            .Replace("{publication}", $"\"{publication}\"", StringComparison.Ordinal).Replace("{table}", quoted, StringComparison.Ordinal);
        try
        {
            await Ask(create, static _ => { }, cancel);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw Stop($"The user '{settings.Username}' may not make the publication '{publication}': {e.MessageText}. It takes CREATE on the database{(options.Table is null ? "" : " and the ownership of the table")}. Let somebody who has that run: {create}", e);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.DuplicateObject or PostgresErrorCodes.UniqueViolation)
        {
            // Another node was faster.
        }
    }

    private async Task<(bool Inserts, bool Table)?> Publishes(string schema, string table, CancellationToken cancel)
    {
        await using var command = source.CreateCommand(log.Sql.Publication);
        command.Parameters.With(publication).With(schema).With(table);
        return (await command.ReadAll(static row => ((bool, bool)?)(row.GetBoolean(0), row.GetBoolean(1)), cancel)).FirstOrDefault();
    }

    private async Task<object?> Ask(string sql, Action<NpgsqlParameterCollection> bind, CancellationToken cancel)
    {
        await using var command = source.CreateCommand(sql);
        bind(command.Parameters);
        return await command.ExecuteScalarAsync(cancel);
    }

    private async Task Remember(string sql, Action<NpgsqlParameterCollection> bind, CancellationToken cancel) =>
        await log.Query(sql, bind, static _ => 0, cancel);

    private string Anew => $"To go on without it, append what is missing if need be, and run on the log's database: {BeginAnew}";

    private static SourceStoppedException Stop(string why, Exception? cause = null) => new(why, cause);
}
