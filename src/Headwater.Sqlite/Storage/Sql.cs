namespace Headwater;

/// <summary>The statements of the .sql files, by their names there.</summary>
internal sealed class Sql
{
    private static readonly Dictionary<string, string> sections = SqlFiles.Statements("Sql");
    private static int count;

    private Sql(string name) => (Text, Index) = (sections[name], count++);

    /// <summary>How many there are.</summary>
    public static int Count => count;

    /// <summary>All texts.</summary>
    public static IReadOnlyCollection<string> All => sections.Values;

    public string Text { get; }

    /// <summary>Its place among them, by which a session finds it prepared.</summary>
    public int Index { get; }

    public static readonly Sql BeginRead = new("begin_read");
    public static readonly Sql EndRead = new("end_read");
    public static readonly Sql Lock = new("lock");
    public static readonly Sql Savepoint = new("savepoint");
    public static readonly Sql Release = new("release");
    public static readonly Sql RollbackTo = new("rollback_to");
    public static readonly Sql DataVersion = new("data_version");
    public static readonly Sql Epoch = new("epoch");
    public static readonly Sql Bind = new("bind");
    public static readonly Sql InsertEpoch = new("insert_epoch");

    public static readonly Sql Head = new("head");
    public static readonly Sql StreamVersion = new("stream_version");
    public static readonly Sql PositionOfVersion = new("position_of_version");
    public static readonly Sql InsertEvent = new("insert_event");
    public static readonly Sql InsertTag = new("insert_tag");
    public static readonly Sql EventById = new("event_by_id");
    public static readonly Sql ReadAll = new("read_all");
    public static readonly Sql ReadCategory = new("read_category");
    public static readonly Sql ReadTagged = new("read_tagged");
    public static readonly Sql ReadStream = new("read_stream");

    public static readonly Sql FindReceipt = new("find_receipt");
    public static readonly Sql InsertReceipt = new("insert_receipt");
    public static readonly Sql TrimReceipts = new("trim_receipts");

    public static readonly Sql State = new("state");
    public static readonly Sql MoveCheckpoint = new("move_checkpoint");
    public static readonly Sql InsertCheckpoint = new("insert_checkpoint");
    public static readonly Sql Claim = new("claim");
    public static readonly Sql NextGeneration = new("next_generation");
    public static readonly Sql SetTrimmed = new("set_trimmed");
    public static readonly Sql InsertSkipped = new("insert_skipped");
    public static readonly Sql ReadSkipped = new("read_skipped");

    public static readonly Sql SetRow = new("set_row");
    public static readonly Sql ReadRow = new("read_row");
    public static readonly Sql FindRows = new("find_rows");
    public static readonly Sql ReadChanges = new("read_changes");
    public static readonly Sql ReadChangesAt = new("read_changes_at");
    public static readonly Sql ReadChangesOf = new("read_changes_of");
    public static readonly Sql DeleteRows = new("delete_rows");
    public static readonly Sql LastDeletion = new("last_deletion");
    public static readonly Sql TrimDeletions = new("trim_deletions");
    public static readonly Sql RowIndexes = new("row_indexes");
}
