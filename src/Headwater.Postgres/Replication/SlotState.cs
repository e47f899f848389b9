using Npgsql;
using NpgsqlTypes;

namespace Headwater;

/// <summary>A replication slot as the source's server shows it.</summary>
/// <param name="Exists">Whether there is one.</param>
/// <param name="Plugin">What decodes for it; null for a physical slot.</param>
/// <param name="Database">Its database.</param>
/// <param name="ActivePid">The server's process that holds it, or null.</param>
/// <param name="Confirmed">What its consumer said it has.</param>
/// <param name="WalStatus">In PostgreSQL's words; "lost" if it can be read no more.</param>
/// <param name="RetainedBytes">How much of the write-ahead log is kept for it.</param>
/// <param name="Written">How far the server has written.</param>
internal sealed record SlotState(
    bool Exists, string? Plugin, string? Database, int? ActivePid, NpgsqlLogSequenceNumber? Confirmed, string? WalStatus, long? RetainedBytes,
    NpgsqlLogSequenceNumber Written)
{
    public static async Task<SlotState> Ask(NpgsqlDataSource source, Sql sql, string slot, CancellationToken cancel)
    {
        await using var command = source.CreateCommand(sql.Slot);
        command.Parameters.With(slot);
        return (await command.ReadAll(static row => new SlotState(
            row.GetBoolean(0), row.IsDBNull(1) ? null : row.GetString(1), row.IsDBNull(2) ? null : row.GetString(2),
            row.IsDBNull(3) ? null : row.GetInt32(3), row.IsDBNull(4) ? null : row.GetFieldValue<NpgsqlLogSequenceNumber>(4),
            row.IsDBNull(5) ? null : row.GetString(5), row.IsDBNull(6) ? null : row.GetInt64(6), row.GetFieldValue<NpgsqlLogSequenceNumber>(7)), cancel))[0];
    }
}
