namespace Headwater;

/// <summary>A database in which projections keep their rows and checkpoints: the log's own, or another one.</summary>
/// <param name="rows">The rows, and the checkpoints of the projections.</param>
/// <param name="checkpoints">Tells which events a projection passed over.</param>
public sealed class ReadModelDatabase(IReadModelStore rows, ICheckpointStore checkpoints)
{
    internal IReadModelStore Rows => rows;

    internal ICheckpointStore Checkpoints => checkpoints;

    /// <summary>Says that another node may have changed rows; null if nobody does.</summary>
    public ISignal? Signal { get; init; }

    /// <summary>
    /// Whether each node has one of its own, such as a file on its disk. Then each node runs the projections for itself; otherwise one
    /// node does, if there are leases.
    /// </summary>
    public bool IsLocal { get; init; }

    /// <summary>Makes sure that the rows were made from this log, and from no newer copy of it.</summary>
    internal async ValueTask Check(string name, LogHead head, IEnumerable<Projection> kept, CancellationToken cancel)
    {
        const string NextStep = "Read models can be made again from the log: empty that database, or name another one, and start again.";
        var epoch = await Rows.Bind(head.Epoch, cancel);
        if (epoch != head.Epoch)
            throw new InvalidOperationException(
                $"The read models in '{name}' were made from another log: its epoch is {epoch}, and that of this log is {head.Epoch}. {NextStep}");
        foreach (var projection in kept)
            if (await projection.LoadCheckpoint(cancel) is var at && at.Position > head.Issued)
                throw new InvalidOperationException(
                    $"The read model '{projection.Name}' in '{name}' stands at position {at.Position}, and the log ends at {head.Issued}: the log is an older copy. {NextStep}");
    }
}
