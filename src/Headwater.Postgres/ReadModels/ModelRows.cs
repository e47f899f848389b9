using Npgsql;
using NpgsqlTypes;

namespace Headwater;

/// <summary>The rows of read models as rows of one table.</summary>
internal static class ModelRows
{
    public static void BindCommit(NpgsqlParameterCollection parameters, ProjectionCommit commit) => parameters
        .WithMove(commit.Model, commit.From, commit.To, commit.Skipped)
        .WithArray([.. commit.Rows.Select(row => row.Key)], NpgsqlDbType.Text)
        .WithArray([.. commit.Rows.Select(row => row.Position.Value)], NpgsqlDbType.Bigint)
        .WithArray([.. commit.Rows.Select(row => row.Data?.ToArray())], NpgsqlDbType.Json);

    /// <summary>Reads rows that carry the read model's state with them; without rows there is one line without a key.</summary>
    public static (ReadModelState State, StoredRow? Row) Read(NpgsqlDataReader row) => (
        Checkpoints.Read(row),
        row.IsDBNull(4) ? null : new StoredRow(row.GetString(4), new Position(row.GetInt64(5)), Data(row, 6)));

    public static RowPage Page(List<(ReadModelState State, StoredRow? Row)> lines)
    {
        var state = lines[0].State;
        return new RowPage([.. lines.Select(line => line.Row).OfType<StoredRow>()], state, state.Checkpoint.Position);
    }

    public static ReadOnlyMemory<byte>? Data(NpgsqlDataReader row, int column) =>
        row.BytesOrNull(column) is { } data ? data : default(ReadOnlyMemory<byte>?);
}
