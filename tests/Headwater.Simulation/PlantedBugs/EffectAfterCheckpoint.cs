namespace Headwater.Simulation;

/// <summary>Moves a subscription's checkpoint when a batch is taken and not when it is done, as a consumer that acknowledges first.</summary>
internal sealed class EffectAfterCheckpoint : PlantedBug
{
    public override Stores In(Stores stores, World world) => stores with { Checkpoints = new Store(stores, world) };

    private sealed class Store(Stores inner, World world) : ICheckpointStore
    {
        /// <summary>The loop reads on from where it believes to stand; the store already says one event more is done.</summary>
        public async ValueTask<bool> Save(string subscription, Checkpoint from, Position to, SkippedEvent? skipped, CancellationToken cancel)
        {
            var stored = await inner.Checkpoints.Load(subscription, cancel);
            if (stored.Generation != from.Generation || stored.Position < from.Position)
                return false;
            var ahead = await inner.Log.Read(new(LogFilter.Everything, to, Position.Max, 1), cancel);
            await world.SomeTurns();
            return await inner.Checkpoints.Save(subscription, stored, Position.Latest(ahead.Next, stored.Position), skipped, cancel);
        }

        public ValueTask<Checkpoint> Load(string subscription, CancellationToken cancel) => inner.Checkpoints.Load(subscription, cancel);

        public ValueTask<Checkpoint> Claim(string subscription, long fence, CancellationToken cancel) =>
            inner.Checkpoints.Claim(subscription, fence, cancel);

        public ValueTask<IReadOnlyList<SkippedEvent>> ReadSkipped(string subscription, int limit, CancellationToken cancel) =>
            inner.Checkpoints.ReadSkipped(subscription, limit, cancel);
    }
}
