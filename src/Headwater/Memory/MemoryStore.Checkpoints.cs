namespace Headwater;

internal sealed partial class MemoryStore : ICheckpointStore
{
    public ValueTask<Checkpoint> Load(string subscription, CancellationToken cancel) =>
        ValueTask.FromResult(state.Checkpoints.GetValueOrDefault(subscription));

    public ValueTask<bool> Save(string subscription, Checkpoint from, Position to, SkippedEvent? skipped, CancellationToken cancel) => Write(
        before => before.Checkpoints.GetValueOrDefault(subscription) != from
            ? (before, false)
            : ((before with { Checkpoints = before.Checkpoints.SetItem(subscription, new Checkpoint(to, from.Generation)) })
                .Skip(subscription, skipped), true),
        cancel);

    public ValueTask<IReadOnlyList<SkippedEvent>> ReadSkipped(string subscription, int limit, CancellationToken cancel) =>
        ValueTask.FromResult<IReadOnlyList<SkippedEvent>>([.. state.Skipped.GetValueOrDefault(subscription, []).Take(limit)]);
}
