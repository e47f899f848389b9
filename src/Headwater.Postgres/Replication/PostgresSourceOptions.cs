namespace Headwater;

/// <summary>
/// What a source takes over from another application's PostgreSQL database: the rows of an outbox table, or messages. By default the
/// table has the columns that are usual for Debezium's outbox router. The settings are checked when the application is declared.
/// </summary>
public sealed class PostgresSourceOptions
{
    /// <summary>
    /// How to reach the source's database, directly and not through a pooler. The user needs the attribute REPLICATION; to make the
    /// publication also the right to create one in the database and, with a table, to own it.
    /// </summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>
    /// The replication slot, which is made at the first start: lower-case letters, digits and underscores. By default
    /// <c>headwater_</c> and the source's name.
    /// </summary>
    public string? Slot { get; set; }

    /// <summary>The publication, which is made if it is missing. By default it is called like the slot.</summary>
    public string? Publication { get; set; }

    /// <summary>
    /// The outbox table, with its schema unless that is <c>public</c>, such as <c>shop.outbox</c>. What is inserted into it is taken
    /// over; what is changed or deleted there is not looked at. Either this or <see cref="MessagePrefix"/> is given.
    /// </summary>
    public string? Table { get; set; }

    /// <summary>
    /// The prefix of messages that <c>pg_logical_emit_message(true, prefix, content)</c> wrote, whose content is JSON:
    /// <c>{"stream": "order-17", "type": "order-placed", "data": {...}}</c>, and if wanted <c>id</c>, <c>metadata</c> and <c>tags</c>.
    /// Either this or <see cref="Table"/> is given.
    /// </summary>
    public string? MessagePrefix { get; set; }

    /// <summary>The column with the stream, <c>category-key</c>; null, the default, if it is made of the aggregate's type and id.</summary>
    public string? StreamColumn { get; set; }

    /// <summary>
    /// The column with the aggregate's type, which gives the stream's category: <c>OrderLine</c> and <c>order-line</c> become
    /// <c>order_line</c>. <c>aggregatetype</c> by default.
    /// </summary>
    public string AggregateTypeColumn { get; set; } = "aggregatetype";

    /// <summary>The column with the aggregate's id, which becomes the stream's key; <c>aggregateid</c> by default.</summary>
    public string AggregateIdColumn { get; set; } = "aggregateid";

    /// <summary>The column with the name of the event's type; <c>type</c> by default.</summary>
    public string TypeColumn { get; set; } = "type";

    /// <summary>The column with the event as JSON: json, jsonb, text or bytea; <c>payload</c> by default.</summary>
    public string PayloadColumn { get; set; } = "payload";

    /// <summary>
    /// The column with the event's id, a UUID; <c>id</c> by default. If it is null, ids are made of the server, the slot and the row's
    /// place in the server's write-ahead log, and are the same whenever the row is read.
    /// </summary>
    public string? IdColumn { get; set; } = "id";

    /// <summary>
    /// The column with a JSON object of which <c>causation</c>, <c>correlation</c>, <c>traceParent</c> and <c>actor</c> become the
    /// event's metadata; null, the default, if there is none.
    /// </summary>
    public string? MetadataColumn { get; set; }

    /// <summary>The column with the event's tags as a JSON object of texts; null, the default, if there is none.</summary>
    public string? TagsColumn { get; set; }

    /// <summary>
    /// Whether a row or message that is no event is passed over and kept in the table <c>source_skipped</c>. By default the source
    /// stops before it.
    /// </summary>
    public bool SkipUnmappable { get; set; }

    /// <summary>
    /// How many bytes of write-ahead log the server may keep for the slot before a warning is logged; 1 GiB by default. What the
    /// server does about it is its own setting <c>max_slot_wal_keep_size</c>.
    /// </summary>
    public long WarnRetainedBytes { get; set; } = 1 << 30;

    internal void Check(string source)
    {
        Slot ??= "headwater_" + source.Replace('-', '_');
        Publication ??= Slot;
        if (string.IsNullOrWhiteSpace(ConnectionString))
            throw Mistake(source, nameof(ConnectionString), "is empty", "a connection string such as 'Host=db;Database=shop;Username=headwater;Password=...'");
        if (Slot is not { Length: > 0 and <= 63 } || !Slot.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_'))
            throw Mistake(source, nameof(Slot), $"is '{Slot}'", "1 to 63 lower-case letters, digits and underscores");
        if (Publication is not { Length: > 0 and <= 63 } || Publication.Contains('"', StringComparison.Ordinal))
            throw Mistake(source, nameof(Publication), $"is '{Publication}'", "1 to 63 characters without a quotation mark");
        if (Table is null == MessagePrefix is null)
            throw Mistake(source, nameof(Table), Table is null ? "is not given" : $"is '{Table}', and MessagePrefix is '{MessagePrefix}'", "either a table or a MessagePrefix");
        if (Table is not null && (Table.Length == 0 || Table.StartsWith('.') || Table.EndsWith('.') || Table.Contains('"', StringComparison.Ordinal)))
            throw Mistake(source, nameof(Table), $"is '{Table}'", "a table's name, with its schema if that is not public, unquoted");
        if (MessagePrefix is { Length: 0 })
            throw Mistake(source, nameof(MessagePrefix), "is empty", "the prefix given to pg_logical_emit_message");
        foreach (var (name, column) in Columns())
            if (string.IsNullOrEmpty(column))
                throw Mistake(source, name, "is empty", "a column's name");
        if (WarnRetainedBytes < 1 << 20)
            throw Mistake(source, nameof(WarnRetainedBytes), $"is {WarnRetainedBytes}", "1 MiB or more");
    }

    /// <summary>The table's schema and name.</summary>
    internal (string Schema, string Name) TableParts => Table!.Split('.', 2) is [var schema, var name] ? (schema, name) : ("public", Table!);

    /// <summary>The columns that must be there, with the settings that name them.</summary>
    internal IEnumerable<(string Setting, string Column)> Columns()
    {
        if (StreamColumn is not null)
            yield return (nameof(StreamColumn), StreamColumn);
        else
        {
            yield return (nameof(AggregateTypeColumn), AggregateTypeColumn);
            yield return (nameof(AggregateIdColumn), AggregateIdColumn);
        }

        yield return (nameof(TypeColumn), TypeColumn);
        yield return (nameof(PayloadColumn), PayloadColumn);
        if (IdColumn is not null)
            yield return (nameof(IdColumn), IdColumn);
        if (MetadataColumn is not null)
            yield return (nameof(MetadataColumn), MetadataColumn);
        if (TagsColumn is not null)
            yield return (nameof(TagsColumn), TagsColumn);
    }

    private static ArgumentException Mistake(string source, string setting, string what, string expected) =>
        new($"The source '{source}' cannot be used: PostgresSourceOptions.{setting} {what}; expected {expected}.");
}
