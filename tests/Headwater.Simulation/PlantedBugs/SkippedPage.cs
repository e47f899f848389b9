namespace Headwater.Simulation;

/// <summary>Now and then says that a page reaches further than what it returned, as a store that takes its end from elsewhere.</summary>
internal sealed class SkippedPage : PlantedBug
{
    public override Stores In(Stores stores, World world) => stores with { Log = new Store(stores.Log, world) };

    private sealed class Store(ILogStore inner, World world) : AroundLog(inner)
    {
        public override async ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel)
        {
            var page = await base.Read(query, cancel);
            return page.Events.Count > 0 && world.Random.Next(20) == 0 ? page with { Events = [.. page.Events.SkipLast(1)] } : page;
        }
    }
}
