using Npgsql;
using NpgsqlTypes;

namespace Headwater;

/// <summary>
/// How far a source has come: of its server's transactions those are in the log whose commit stands before <paramref name="Lsn"/>, and
/// the first <paramref name="Done"/> changes of the one whose commit stands there.
/// </summary>
internal readonly record struct SourceCheckpoint(NpgsqlLogSequenceNumber Lsn, int Done)
{
    public bool Includes(NpgsqlLogSequenceNumber commit, int number) => commit < Lsn || (commit == Lsn && number < Done);
}

/// <summary>What is remembered of a source. Without <see cref="At"/> it begins where its slot stands.</summary>
internal sealed record SourceMemory(string Slot, string? System, long? Timeline, string? Database, SourceCheckpoint? At)
{
    public static SourceMemory Read(NpgsqlDataReader row) => new(
        row.GetString(0), row.IsDBNull(1) ? null : row.GetString(1), row.IsDBNull(2) ? null : row.GetInt64(2), row.IsDBNull(3) ? null : row.GetString(3),
        row.IsDBNull(4) ? null : new SourceCheckpoint(row.GetFieldValue<NpgsqlLogSequenceNumber>(4), row.GetInt32(5)));
}
