using Npgsql;
using NpgsqlTypes;

namespace Headwater;

/// <summary>Parameters by their places, typed, and rows read to their end.</summary>
internal static class Commands
{
    public static NpgsqlParameterCollection With<T>(this NpgsqlParameterCollection parameters, T value, NpgsqlDbType type)
    {
        parameters.Add(new NpgsqlParameter<T> { TypedValue = value, NpgsqlDbType = type });
        return parameters;
    }

    public static NpgsqlParameterCollection With(this NpgsqlParameterCollection parameters, long value) => parameters.With(value, NpgsqlDbType.Bigint);

    public static NpgsqlParameterCollection With(this NpgsqlParameterCollection parameters, int value) => parameters.With(value, NpgsqlDbType.Integer);

    public static NpgsqlParameterCollection With(this NpgsqlParameterCollection parameters, string value) => parameters.With(value, NpgsqlDbType.Text);

    public static NpgsqlParameterCollection With(this NpgsqlParameterCollection parameters, DateTimeOffset value) =>
        parameters.With(value.UtcDateTime, NpgsqlDbType.TimestampTz);

    /// <summary>A value that may be missing.</summary>
    public static NpgsqlParameterCollection WithNullable(this NpgsqlParameterCollection parameters, object? value, NpgsqlDbType type)
    {
        parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value, NpgsqlDbType = type });
        return parameters;
    }

    public static NpgsqlParameterCollection WithArray<T>(this NpgsqlParameterCollection parameters, T[] values, NpgsqlDbType element) =>
        parameters.With(values, NpgsqlDbType.Array | element);

    /// <summary>Runs a statement in whatever transaction the connection is in, and says how many rows it changed.</summary>
    public static async ValueTask<int> Run(
        this NpgsqlConnection connection, string sql, CancellationToken cancel, Action<NpgsqlParameterCollection>? bind = null)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        bind?.Invoke(command.Parameters);
        return await command.ExecuteNonQueryAsync(cancel);
    }

    public static async ValueTask<List<T>> ReadAll<T>(this NpgsqlCommand command, Func<NpgsqlDataReader, T> read, CancellationToken cancel)
    {
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var all = new List<T>();
        while (await rows.ReadAsync(cancel))
            all.Add(read(rows));
        return all;
    }

    public static byte[]? BytesOrNull(this NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetFieldValue<byte[]>(column);
}
