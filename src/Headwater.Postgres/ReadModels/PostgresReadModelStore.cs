using System.Data.Common;
using Npgsql;

namespace Headwater;

/// <summary>Read models in a PostgreSQL database.</summary>
internal sealed class PostgresReadModelStore(PostgresDatabase database) : IReadModelStore
{
    public async ValueTask Prepare(ReadModelSchema schema, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel)
    {
        await FieldIndexes.Align(database, schema, cancel);
        if (tables is not null)
            await Write(schema.Model, static (_, _) => ValueTask.FromResult(true), tables, cancel);
    }

    public async ValueTask<ReadModelState> State(string model, CancellationToken cancel) =>
        (await database.Query(database.Sql.State, parameters => parameters.With(model), Checkpoints.Read, cancel)).FirstOrDefault();

    public ValueTask<Checkpoint> Claim(string model, long fence, CancellationToken cancel) => Checkpoints.Claim(database, model, fence, cancel);

    public async ValueTask<RowPage> ReadRow(string model, string key, CancellationToken cancel) => ModelRows.Page(await database.Query(
        database.Sql.ReadRow, parameters => parameters.With(model).With(Findable(key)), ModelRows.Read, cancel));

    public async ValueTask<RowPage> FindRows(
        string model, IReadOnlyList<FieldValue> fields, string? afterKey, int limit, CancellationToken cancel)
    {
        var lines = await database.Query(FieldIndexes.Query(database, model, fields), parameters =>
        {
            parameters.With(Findable(afterKey ?? "")).With((long)limit);
            foreach (var field in fields)
                parameters.With(Findable(field.Value));
        }, ModelRows.Read, cancel);
        return ModelRows.Page(lines);
    }

    public async ValueTask<RowPage> ReadChanges(string model, string? key, Position after, int limit, CancellationToken cancel)
    {
        var page = ModelRows.Page(key is null
            ? await database.Query(database.Sql.ReadChanges,
                parameters => parameters.With(model).With(after.Value).With((long)limit), ModelRows.Read, cancel)
            : await database.Query(database.Sql.ReadChangesOf,
                parameters => parameters.With(model).With(after.Value).With(Findable(key)), ModelRows.Read, cancel));
        return page with
        {
            Next = key is null && page.Rows.Count >= limit && limit > 0
                ? page.Rows[^1].Position
                : Position.Latest(after, page.State.Checkpoint.Position),
        };
    }

    public ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel) =>
        Write(commit.Model, (connection, stop) => Commit(database, connection, commit, stop), commit.Tables, cancel);

    public async ValueTask Reset(string model, Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel) =>
        await Write(model, async (connection, stop) =>
        {
            await connection.Run(database.Sql.Reset, stop, parameters => parameters.With(model));
            return true;
        }, tables, cancel);

    public async ValueTask<string> Bind(string epoch, CancellationToken cancel) => (await database.Query(
        database.Sql.Bind, parameters => parameters.With(epoch), static row => row.GetString(0), cancel))[0];

    public async ValueTask TrimTombstones(string model, Position upTo, CancellationToken cancel) => await database.Query(
        database.Sql.TrimDeletions, parameters => parameters.With(model).With(upTo.Value), static _ => true, cancel);

    /// <summary>Moves the checkpoint and writes the rows, in whatever transaction the connection is in.</summary>
    public static async ValueTask<bool> Commit(PostgresDatabase database, NpgsqlConnection connection, ProjectionCommit commit, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(database.Sql.CommitRows, connection);
        ModelRows.BindCommit(command.Parameters, commit);
        return await command.ExecuteScalarAsync(cancel) is true;
    }

    /// <summary>
    /// Writes, with the tables of the projection in one transaction if it has any. What is written carries the place it starts from, so
    /// a second attempt after a lost connection finds it done, and is told that it stands elsewhere.
    /// </summary>
    private async ValueTask<bool> Write(
        string model, Func<NpgsqlConnection, CancellationToken, ValueTask<bool>> write,
        Func<DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel)
    {
        var isDone = await database.Use((model, write, tables), static async (database, work, cancel) =>
        {
            await using var connection = await database.Source.OpenConnectionAsync(cancel);
            if (work.tables is null)
                return await work.write(connection, cancel);

            await using var transaction = await connection.BeginTransactionAsync(cancel);
            if (!await work.write(connection, cancel))
                return false;
            await new LentTransaction(transaction).Run(work.model, () => work.tables(transaction, cancel));
            await transaction.CommitAsync(CancellationToken.None);
            await LentTransaction.CleanUp(connection, cancel);
            return true;
        }, cancel);
        database.Bell.Ring();
        return isDone;
    }

    /// <summary>No text here holds U+0000, so what has it is found nowhere.</summary>
    private static string Findable(string text) => text.Replace('\0', '\uFFFF');
}
