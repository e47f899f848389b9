using Npgsql;

namespace Headwater;

/// <summary>Events as rows of the table of events.</summary>
internal static class EventRows
{
    public static RecordedEvent Read(NpgsqlDataReader row) => new()
    {
        Position = new Position(row.GetInt64(0)),
        Stream = StreamId.Parse(row.GetString(1)),
        Version = row.GetInt64(2),
        Type = row.GetString(3),
        SchemaVersion = row.GetInt32(4),
        Id = row.GetGuid(5),
        RecordedAt = new DateTimeOffset(row.GetDateTime(6)),
        Data = row.GetFieldValue<byte[]>(7),
        Metadata = StoredJson.DecodeMetadata(row.BytesOrNull(8)),
        Tags = StoredJson.DecodeTags(row.BytesOrNull(9)),
    };
}
