namespace Headwater.Simulation;

/// <summary>Says of a view feed's page that it reaches the end of the log, and not the read model's checkpoint.</summary>
internal sealed class UnboundedView : PlantedBug
{
    public override Stores In(Stores stores, World world) => stores with { ReadModels = new Store(stores) };

    private sealed class Store(Stores inner) : AroundReadModels(inner.ReadModels)
    {
        public override async ValueTask<RowPage> ReadChanges(string model, string? key, Position after, int limit, CancellationToken cancel)
        {
            var page = await base.ReadChanges(model, key, after, limit, cancel);
            return page.Next < page.State.Checkpoint.Position ? page : page with { Next = (await inner.Log.Head(cancel)).Position };
        }
    }
}
