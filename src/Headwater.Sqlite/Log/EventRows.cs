using System.Text;

namespace Headwater;

/// <summary>Events as rows of the table of events.</summary>
internal static class EventRows
{
    /// <summary>Inserts an event; false if its id stands in the log already, and then nothing is changed.</summary>
    public static bool Insert(Session session, long position, long version, long now, in PreparedEvent prepared)
    {
        Span<byte> id = stackalloc byte[16];
        WriteId(prepared.Data.Id, id);
        using var insert = session.Use(Sql.InsertEvent);
        var inserted = insert.Bind(1, position).BindUtf8(2, prepared.Stream.Text).Bind(3, version).BindUtf8(4, prepared.Stream.Category)
            .Bind(5, prepared.Data.Type).Bind(6, prepared.Data.SchemaVersion).BindBlob(7, id).Bind(8, now)
            .BindBlob(9, prepared.Data.Data.Span).BindUtf8(10, prepared.Metadata).BindUtf8(11, prepared.Tags)
            .Run();
        if (inserted == 0)
            return false;

        foreach (var (key, value) in prepared.Data.Tags)
        {
            using var tag = session.Use(Sql.InsertTag);
            tag.Bind(1, key).Bind(2, value).Bind(3, position).Run();
        }

        return true;
    }

    public static RecordedEvent? Find(Session session, Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        WriteId(id, bytes);
        using var find = session.Use(Sql.EventById);
        return find.BindBlob(1, bytes).Step() ? Read(session, find) : null;
    }

    public static List<RecordedEvent> ReadAll(Session session, Statement rows)
    {
        var events = new List<RecordedEvent>();
        while (rows.Step())
            events.Add(Read(session, rows));
        return events;
    }

    private static RecordedEvent Read(Session session, Statement row) => new()
    {
        Position = new Position(row.Number(0)),
        Stream = ReadStream(session, row.Bytes(1)),
        Version = row.Number(2),
        Type = session.Names.Of(row.Bytes(3)),
        SchemaVersion = (int)row.Number(4),
        Id = new Guid(row.Bytes(5), bigEndian: true),
        RecordedAt = Micros.ToInstant(row.Number(6)),
        Data = row.Bytes(7).ToArray(),
        Metadata = StoredJson.DecodeMetadata(row.Bytes(8)),
        Tags = StoredJson.DecodeTags(row.Bytes(9)),
    };

    private static StreamId ReadStream(Session session, ReadOnlySpan<byte> text)
    {
        var dash = text.IndexOf((byte)'-');
        return new StreamId(session.Names.Of(text[..dash]), Encoding.UTF8.GetString(text[(dash + 1)..]));
    }

    /// <summary>In the order of its digits, so that ids made one after the other stand side by side in their index.</summary>
    private static void WriteId(Guid id, Span<byte> into) => id.TryWriteBytes(into, bigEndian: true, out _);
}

/// <summary>An event with what its caller could encode for the writer.</summary>
internal readonly record struct PreparedEvent(StoredStream Stream, EventData Data, byte[]? Metadata, byte[]? Tags);

/// <summary>A stream's name as it is stored.</summary>
internal sealed class StoredStream(StreamId stream)
{
    public byte[] Text { get; } = Encoding.UTF8.GetBytes(stream.ToString());

    public ReadOnlyMemory<byte> Category => Text.AsMemory(0, stream.Category.Length);
}
