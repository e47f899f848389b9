namespace Headwater;

/// <summary>The statements of the .sql files. A name that is missing there is found out when a database is first made.</summary>
/// <param name="named">The statements by their names there, with the schema's name in place.</param>
internal sealed class Sql(IReadOnlyDictionary<string, string> named)
{
    /// <param name="schema">The schema's name, quoted.</param>
    public Sql(string schema)
        : this(SqlFiles.Statements("Sql").ToDictionary(
            each => each.Key, each => each.Value.TrimEnd(';').Replace("{schema}", schema, StringComparison.Ordinal)))
    {
    }

    public string Epoch { get; } = named["epoch"];
    public string Server { get; } = named["server"];
    public string Head { get; } = named["head"];
    public string Settled { get; } = named["settled"];
    public string Holder { get; } = named["holder"];
    public string InlineTurn { get; } = named["inline_turn"];
    public string Join { get; } = named["join"];
    public string AppendOne { get; } = named["append_one"];
    public string AppendMany { get; } = named["append_many"];
    public string EventsById { get; } = named["events_by_id"];
    public string ReadAll { get; } = named["read_all"];
    public string ReadCategory { get; } = named["read_category"];
    public string ReadTagged { get; } = named["read_tagged"];
    public string ReadStreamBetween { get; } = named["read_stream_between"];
    public string ReadStream { get; } = named["read_stream"];
    public string FindReceipt { get; } = named["find_receipt"];
    public string TrimReceipts { get; } = named["trim_receipts"];
    public string State { get; } = named["state"];
    public string LockState { get; } = named["lock_state"];
    public string Claim { get; } = named["claim"];
    public string MoveCheckpoint { get; } = named["move_checkpoint"];
    public string ReadSkipped { get; } = named["read_skipped"];
    public string CommitRows { get; } = named["commit_rows"];
    public string ReadRow { get; } = named["read_row"];
    public string ReadRowData { get; } = named["read_row_data"];
    public string FindRows { get; } = named["find_rows"];
    public string ReadChanges { get; } = named["read_changes"];
    public string ReadChangesOf { get; } = named["read_changes_of"];
    public string Bind { get; } = named["bind"];
    public string Reset { get; } = named["reset"];
    public string TrimDeletions { get; } = named["trim_deletions"];
    public string RowIndexes { get; } = named["row_indexes"];
    public string Notify { get; } = named["notify"];
    public string Listen { get; } = named["listen"];
    public string RenewNode { get; } = named["renew_node"];
    public string RenewLeases { get; } = named["renew_leases"];
    public string LivingNodes { get; } = named["living_nodes"];
    public string LivingLeases { get; } = named["living_leases"];
    public string ReleaseLeases { get; } = named["release_leases"];
    public string SourceLoad { get; } = named["source_load"];
    public string SourceAnnounce { get; } = named["source_announce"];
    public string SourceBegin { get; } = named["source_begin"];
    public string SourceTimeline { get; } = named["source_timeline"];
    public string SourceMove { get; } = named["source_move"];
    public string SourceSkip { get; } = named["source_skip"];
    public string Slot { get; } = named["slot"];
    public string Publication { get; } = named["publication"];
    public string TableExists { get; } = named["table_exists"];
    public string CreatePublicationOfTable { get; } = named["create_publication_of_table"];
    public string CreatePublication { get; } = named["create_publication"];
}
