namespace Headwater;

/// <summary>
/// The rows a projection has read and written lately, so that it need not ask the store again for what it knows. They are those of one
/// checkpoint: a commit that finds the checkpoint elsewhere is refused by the store, so what is known here was true if it succeeds.
/// </summary>
internal sealed class KnownRows
{
    private const int MaxBytes = 16 << 20;
    private const int BytesPerRow = 200;

    private readonly Dictionary<string, ReadOnlyMemory<byte>?> rows = [];
    private Checkpoint at;
    private bool isComplete;
    private long bytes;

    /// <summary>Keeps what is known if it is of this checkpoint.</summary>
    public void StandAt(Checkpoint checkpoint)
    {
        if (checkpoint == at && (isComplete || rows.Count > 0))
            return;
        Clear();
        at = checkpoint;

        // Before the first event there is no row, so whatever is not known later was never written.
        isComplete = checkpoint.Position == Position.Start;
    }

    /// <summary>Gives a row's JSON, or null if it is known that there is no such row.</summary>
    /// <returns>False if the store must be asked.</returns>
    public bool TryGet(string key, out ReadOnlyMemory<byte>? data) => rows.TryGetValue(key, out data) || isComplete;

    /// <summary>What the store said.</summary>
    public void Add(string key, ReadOnlyMemory<byte>? data)
    {
        bytes += BytesPerRow + (data?.Length ?? 0) - (rows.TryGetValue(key, out var before) ? BytesPerRow + (before?.Length ?? 0) : 0);
        rows[key] = data;
        if (bytes > MaxBytes)
            Clear();
    }

    /// <summary>What was committed.</summary>
    public void Moved(ProjectionCommit commit)
    {
        at = commit.From with { Position = commit.To };
        foreach (var row in commit.Rows)
            Add(row.Key, row.Data);
    }

    private void Clear()
    {
        rows.Clear();
        bytes = 0;
        isComplete = false;
    }
}
