namespace Headwater;

internal sealed partial class MemoryStore : ICheckpointStore
{
    public ValueTask<Checkpoint> Load(string subscription, CancellationToken cancel) =>
        ValueTask.FromResult(state.Checkpoints.GetValueOrDefault(subscription));

    ValueTask<Checkpoint> ICheckpointStore.Claim(string subscription, long fence, CancellationToken cancel) =>
        fence <= state.Checkpoints.GetValueOrDefault(subscription).Fence ? Load(subscription, cancel) : Write(
            before =>
            {
                var at = before.Checkpoints.GetValueOrDefault(subscription).Claim(fence);
                return (before with { Checkpoints = before.Checkpoints.SetItem(subscription, at) }, at);
            }, cancel);

    public ValueTask<bool> Save(string subscription, Checkpoint from, Position to, SkippedEvent? skipped, CancellationToken cancel) => Write(
        before => before.Checkpoints.GetValueOrDefault(subscription) != from
            ? (before, false)
            : ((before with { Checkpoints = before.Checkpoints.SetItem(subscription, @from with { Position = to }) })
                .Skip(subscription, skipped), true),
        cancel);

    public ValueTask<IReadOnlyList<SkippedEvent>> ReadSkipped(string subscription, int limit, CancellationToken cancel) =>
        ValueTask.FromResult<IReadOnlyList<SkippedEvent>>([.. state.Skipped.GetValueOrDefault(subscription, []).Take(limit)]);
}
