namespace Headwater.Simulation;

/// <summary>Saves rows wherever the checkpoint stands: two nodes run the same projection and overwrite each other.</summary>
internal sealed class BlindCommit : PlantedBug
{
    public override Stores In(Stores stores, World world) => stores with { ReadModels = new Store(stores.ReadModels) };

    private sealed class Store(IReadModelStore inner) : AroundReadModels(inner)
    {
        public override async ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel) =>
            await base.Commit(commit with { From = (await State(commit.Model, cancel)).Checkpoint }, cancel);
    }
}
