using System.Globalization;
using Npgsql;

namespace Headwater;

/// <summary>
/// Brings a schema to the tables and functions this version expects. Each numbered script runs once, all that are missing in one
/// transaction, whoever of several starting nodes comes first; the others wait for it and find nothing to do. A schema that is
/// current is only looked at, and needs no rights but to use it.
/// </summary>
internal static class Schema
{
    private const int OldestServer = 150000;

    // The number 0 makes the table that says how many have run.
    private static readonly string[] scripts = [.. SqlFiles.Texts("Migrations")];

    private static int Newest => scripts.Length - 1;

    /// <summary>Checks the server and the schema, migrates it if need be, and returns the log's epoch.</summary>
    public static async Task<string> Bring(PostgresDatabase database, Func<int> random, CancellationToken cancel)
    {
        await CheckServer(database, cancel);
        if (await Find(database, null, cancel) is { } found && found.Version == Newest)
            return found.Epoch;

        await using var connection = await database.Source.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.Run($"SELECT pg_advisory_xact_lock(hashtext('headwater migrations'), hashtext('{database.SchemaName}'))", cancel);
        var before = await Find(database, connection, cancel);
        var epoch = before?.Epoch ?? random().ToString("x8", CultureInfo.InvariantCulture);
        var store = before?.Store ?? 1 + random() % 32767;
        if (before is null)
        {
            await connection.Run($"CREATE SCHEMA IF NOT EXISTS {database.QuotedSchema}; " + Text(scripts[0], database, store), cancel);
            await connection.Run($"INSERT INTO {database.QuotedSchema}.meta (epoch, store, version) VALUES ('{epoch}', {store}, 0)", cancel);
        }

        for (var number = 1 + (before?.Version ?? 0); number <= Newest; number++)
            await connection.Run(Text(scripts[number], database, store), cancel);
        await connection.Run($"UPDATE {database.QuotedSchema}.meta SET version = {Newest}", cancel);
        await transaction.CommitAsync(cancel);
        return epoch;
    }

    private static string Text(string script, PostgresDatabase database, int store) => script
        .Replace("{schema}", database.QuotedSchema, StringComparison.Ordinal).Replace("{store}", store.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);

    /// <summary>Positions are read in statements that each see a moment of their own, and texts are compared as UTF-8.</summary>
    private static async Task CheckServer(PostgresDatabase database, CancellationToken cancel)
    {
        bool isDirect;
        await using (var connection = await database.Source.OpenConnectionAsync(cancel))
        {
            await using var command = new NpgsqlCommand(database.Sql.Server, connection);
            await using var row = await command.ExecuteReaderAsync(cancel);
            await row.ReadAsync(cancel);
            if (row.GetInt32(0) < OldestServer)
                throw PostgresStoreException.Because(database.Name, $"runs on PostgreSQL {row.GetInt32(0) / 10000}; {OldestServer / 10000} or newer is needed.");
            if (row.GetString(1) != "UTF8")
                throw PostgresStoreException.Because(database.Name, $"has the encoding {row.GetString(1)}; UTF8 is needed.");
            if (row.GetString(2) != "read committed")
                throw PostgresStoreException.Because(database.Name,
                    $"has the default isolation '{row.GetString(2)}'; 'read committed' is needed for Headwater's user (ALTER ROLE ... SET default_transaction_isolation).");
            if (row.GetBoolean(3))
                throw PostgresStoreException.Because(database.Name, "is a standby; connect to the primary (Target Session Attributes=primary).");
            if (row.GetString(4) is "off")
                database.WarnNotDurable();

            // A pooler gives its clients process numbers of its own making.
            isDirect = row.GetInt32(5) == connection.ProcessID;
        }

        if (!isDirect)
            await database.StopPreparing();
    }

    private static async Task<(string Epoch, int Version, int Store)?> Find(PostgresDatabase database, NpgsqlConnection? inside, CancellationToken cancel)
    {
        try
        {
            // Looking first keeps the transaction whole: a table that is missing would be an error there. The catalogue is read as a
            // table, because only then the session notices what another one has just created.
            if (await Ask(database, inside, $"SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = '{database.SchemaName}' AND tablename = 'meta')", cancel) is not true)
                return null;
            await using var command = new NpgsqlCommand(database.Sql.Epoch, inside ?? await database.Source.OpenConnectionAsync(cancel));
            try
            {
                await using var row = await command.ExecuteReaderAsync(cancel);
                if (!await row.ReadAsync(cancel))
                    throw PostgresStoreException.Because(database.Name, $"has lost its epoch: the table {database.QuotedSchema}.meta is empty.");
                var found = (row.GetString(0), row.GetInt32(1), row.GetInt32(2));
                return found.Item2 <= Newest ? found : throw PostgresStoreException.Because(database.Name,
                    $"was written by a newer version of Headwater: its schema is number {found.Item2}, and this version knows {Newest}.");
            }
            finally
            {
                if (inside is null)
                    await command.Connection!.DisposeAsync();
            }
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedColumn)
        {
            throw PostgresStoreException.Because(database.Name, $"has a table {database.QuotedSchema}.meta of another application; give Headwater a schema of its own.", e);
        }
    }

    private static async Task<object?> Ask(PostgresDatabase database, NpgsqlConnection? inside, string sql, CancellationToken cancel)
    {
        await using var command = inside is null ? database.Source.CreateCommand(sql) : new NpgsqlCommand(sql, inside);
        return await command.ExecuteScalarAsync(cancel);
    }
}
