namespace Headwater.Simulation;

/// <summary>Does to the nodes what operators and bad luck do: crashes, restarts, rebuilds, trims.</summary>
internal sealed class Operator(World world)
{
    public async Task Run()
    {
        for (var left = world.Plan.Interventions; left > 0; left--)
        {
            await world.Pause(TimeSpan.FromSeconds(4));
            switch (world.Random.Next(8))
            {
                case 0 or 1 or 2:
                    await Crash(isLast: left == 1);
                    break;
                case 3 or 4:
                    await Rebuild(Model.All[world.Random.Next(Model.All.Count)].Name);
                    break;
                default:
                    await Trim();
                    break;
            }
        }
    }

    private async Task Crash(bool isLast)
    {
        var node = world.AnyNode();
        node.Crash();
        if (isLast && world.Plan.LosesANode && world.Nodes.Any(other => other.IsUp))
            return;
        await world.Pause(TimeSpan.FromSeconds(3));
        await node.Ensure();
    }

    /// <summary>An operator whose rebuild of an inline model failed does it again; of an async one perhaps not, for it goes on by itself.</summary>
    private async Task Rebuild(string model)
    {
        var isInline = model == "current";
        world.Trace.Line($"{model} is to be rebuilt");
        world.Invariants.Rebuilding(isInline);
        do
        {
            try
            {
                await world.AnyNode().Call(async life =>
                {
                    await life.Node.Rebuild(model, CancellationToken.None);
                    return true;
                });
                break;
            }
            catch (Exception e) when (e is SimulatedFault or NodeLostException)
            {
                world.Trace.Line($"{model} was not rebuilt: {e.Message}");
                await world.Pause(TimeSpan.FromSeconds(1));
            }
        }
        while (isInline || world.Random.Next(2) == 0);
        world.Invariants.Rebuilding(false);
    }

    private async Task Trim()
    {
        world.Trace.Line("tombstones are trimmed");
        try
        {
            await world.AnyNode().Call(async life =>
            {
                await life.Tombstones.Trim(CancellationToken.None);
                return true;
            });
        }
        catch (Exception e) when (e is SimulatedFault or NodeLostException)
        {
            world.Trace.Line($"tombstones were not trimmed: {e.Message}");
        }
    }
}
