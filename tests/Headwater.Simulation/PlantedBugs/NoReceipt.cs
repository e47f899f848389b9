namespace Headwater.Simulation;

/// <summary>Keeps no receipt in the append's transaction, so a retry cannot know its own success.</summary>
internal sealed class NoReceipt : PlantedBug
{
    public override Stores In(Stores stores, World world) => stores with { Log = new Store(stores.Log) };

    private sealed class Store(ILogStore inner) : AroundLog(inner)
    {
        public override ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel) =>
            base.Append(request with { Receipt = request.Streams.Count == 0 ? request.Receipt : null }, cancel);
    }
}
