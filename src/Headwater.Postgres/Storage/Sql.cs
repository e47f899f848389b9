namespace Headwater;

/// <summary>The statements of the .sql files, by their names there, with the schema's name in place.</summary>
internal sealed class Sql
{
    private readonly Dictionary<string, string> sections = [];

    /// <param name="schema">The schema's name, quoted.</param>
    public Sql(string schema)
    {
        foreach (var section in Files("Sql").SelectMany(file => file.Text.Split("-- name: ").Skip(1)))
        {
            var lines = section.Split('\n');
            var text = string.Join('\n', lines.Skip(1).Where(line => !line.StartsWith("--", StringComparison.Ordinal))).Trim().TrimEnd(';');
            sections.Add(lines[0].Trim(), text.Replace("{schema}", schema, StringComparison.Ordinal));
        }

        Epoch = sections["epoch"];
        Server = sections["server"];
        Head = sections["head"];
        Settled = sections["settled"];
        Holder = sections["holder"];
        InlineTurn = sections["inline_turn"];
        AppendOne = sections["append_one"];
        AppendMany = sections["append_many"];
        EventsById = sections["events_by_id"];
        ReadAll = sections["read_all"];
        ReadCategory = sections["read_category"];
        ReadTagged = sections["read_tagged"];
        ReadStreamBetween = sections["read_stream_between"];
        ReadStream = sections["read_stream"];
        FindReceipt = sections["find_receipt"];
        TrimReceipts = sections["trim_receipts"];
        State = sections["state"];
        LockState = sections["lock_state"];
        Claim = sections["claim"];
        MoveCheckpoint = sections["move_checkpoint"];
        ReadSkipped = sections["read_skipped"];
        CommitRows = sections["commit_rows"];
        ReadRow = sections["read_row"];
        ReadRowData = sections["read_row_data"];
        FindRows = sections["find_rows"];
        ReadChanges = sections["read_changes"];
        ReadChangesOf = sections["read_changes_of"];
        Reset = sections["reset"];
        TrimDeletions = sections["trim_deletions"];
        RowIndexes = sections["row_indexes"];
        Notify = sections["notify"];
        RenewNode = sections["renew_node"];
        RenewLeases = sections["renew_leases"];
        LivingNodes = sections["living_nodes"];
        LivingLeases = sections["living_leases"];
        ReleaseLeases = sections["release_leases"];
        SourceLoad = sections["source_load"];
        SourceAnnounce = sections["source_announce"];
        SourceBegin = sections["source_begin"];
        SourceTimeline = sections["source_timeline"];
        SourceMove = sections["source_move"];
        SourceSkip = sections["source_skip"];
        Slot = sections["slot"];
        Publication = sections["publication"];
        TableExists = sections["table_exists"];
        CreatePublicationOfTable = sections["create_publication_of_table"];
        CreatePublication = sections["create_publication"];
    }

    public string Epoch { get; }

    public string Server { get; }

    public string Head { get; }

    public string Settled { get; }

    public string Holder { get; }

    public string InlineTurn { get; }

    public string AppendOne { get; }

    public string AppendMany { get; }

    public string EventsById { get; }

    public string ReadAll { get; }

    public string ReadCategory { get; }

    public string ReadTagged { get; }

    public string ReadStreamBetween { get; }

    public string ReadStream { get; }

    public string FindReceipt { get; }

    public string TrimReceipts { get; }

    public string State { get; }

    public string LockState { get; }

    public string Claim { get; }

    public string MoveCheckpoint { get; }

    public string ReadSkipped { get; }

    public string CommitRows { get; }

    public string ReadRow { get; }

    public string ReadRowData { get; }

    public string FindRows { get; }

    public string ReadChanges { get; }

    public string ReadChangesOf { get; }

    public string Reset { get; }

    public string TrimDeletions { get; }

    public string RowIndexes { get; }

    public string Notify { get; }

    public string RenewNode { get; }

    public string RenewLeases { get; }

    public string LivingNodes { get; }

    public string LivingLeases { get; }

    public string ReleaseLeases { get; }

    public string SourceLoad { get; }

    public string SourceAnnounce { get; }

    public string SourceBegin { get; }

    public string SourceTimeline { get; }

    public string SourceMove { get; }

    public string SourceSkip { get; }

    public string Slot { get; }

    public string Publication { get; }

    public string TableExists { get; }

    public string CreatePublicationOfTable { get; }

    public string CreatePublication { get; }

    /// <summary>The texts of a folder's files, in the order of their names.</summary>
    public static IEnumerable<(string Name, string Text)> Files(string folder)
    {
        var assembly = typeof(Sql).Assembly;
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(folder + "/", StringComparison.Ordinal)).Order())
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return (name[(folder.Length + 1)..], reader.ReadToEnd());
        }
    }
}
