using Npgsql;

namespace Headwater;

/// <summary>The answers of commands that carried an idempotency key, as rows.</summary>
internal static class Receipts
{
    public static Receipt Read(NpgsqlDataReader row) => new(
        row.GetString(0), row.GetString(1), StreamId.Parse(row.GetString(2)), row.GetInt64(3), new Position(row.GetInt64(4)),
        row.IsDBNull(5) ? null : row.GetString(5));
}
