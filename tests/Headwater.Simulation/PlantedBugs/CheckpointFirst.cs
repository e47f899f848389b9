namespace Headwater.Simulation;

/// <summary>Saves the checkpoint, and in a second step the rows: a crash between the two loses them.</summary>
internal sealed class CheckpointFirst : PlantedBug
{
    public override Stores In(Stores stores, World world) => stores with { ReadModels = new Store(stores.ReadModels, world) };

    private sealed class Store(IReadModelStore inner, World world) : AroundReadModels(inner)
    {
        public override async ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel)
        {
            if (!await base.Commit(commit with { Rows = [] }, cancel))
                return false;
            await world.SomeTurns();
            return await base.Commit(commit with { From = commit.From with { Position = commit.To } }, cancel);
        }
    }
}
