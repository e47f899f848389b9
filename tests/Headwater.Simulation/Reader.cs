namespace Headwater.Simulation;

/// <summary>Writes, and then asks a read model, anywhere, for what it wrote.</summary>
internal sealed class Reader(string name, World world)
{
    private static readonly TimeSpan longestWait = TimeSpan.FromSeconds(4);

    /// <summary>What a wait may take beyond its bound: looking once more may be slow.</summary>
    private static readonly TimeSpan allowance = TimeSpan.FromSeconds(30);

    public async Task Run()
    {
        for (var i = 0; i < world.Plan.OperationsEach; i++)
        {
            var operation = $"{name}.{i}";
            var item = Writer.AnyItem(world);
            var context = new CommandContext { IdempotencyKey = new IdempotencyKey(operation, operation) };
            world.Ledger.Begin(operation);
            if (await Writer.Insist(world, life => life.Items.Execute(item, new PutItem(operation, i), context).AsTask())
                is not CommandResult<Item>.Accepted accepted)
                continue;
            world.Ledger.Happened(operation, accepted.Cursor.Position, accepted.Version);
            for (var times = world.Random.Next(3); times > 0; times--)
                await Ask(operation, item, accepted.Cursor.ToString());
        }
    }

    private async Task Ask(string operation, string item, string cursor)
    {
        var (model, key) = world.Random.Next(4) switch
        {
            0 => ("totals", (string?)null),
            1 => ("current", null),
            _ => ("board", item),
        };
        if (!Cursor.TryParse(cursor, out var wanted))
            world.Fail("3 resume is exact", $"'{cursor}' is no cursor.");
        try
        {
            var began = world.Clock.Elapsed;
            var atMost = world.Random.NextDouble() * longestWait;
            var (isFresh, page) = await world.AnyNode().Call(async life =>
            {
                var before = await life.Node.ReadModels[model].ReadRow(item, CancellationToken.None);
                var has = await life.Node.ReadModels[model].WaitFor(key, wanted.Position, atMost, CancellationToken.None);
                var after = await life.Node.ReadModels[model].ReadRow(item, CancellationToken.None);
                return (has && before.State.Checkpoint.Generation == after.State.Checkpoint.Generation, after);
            });
            world.Trace.Line($"{operation} asked {model} from {wanted.Position} on: {(isFresh ? "fresh" : "stale")} at {page.State.Checkpoint}");
            if (world.Clock.Elapsed - began > atMost + allowance)
                world.Fail("6 what you wrote, you read", $"{operation} waited {world.Clock.Elapsed - began}, asked for {atMost}.");
            if (isFresh)
                Check(operation, item, key, wanted.Position, page);
        }
        catch (Exception e) when (e is SimulatedFault or NodeLostException)
        {
            world.Trace.Line($"{operation} asked {model} in vain: {e.Message}");
        }
    }

    /// <summary>Fresh means that nothing that concerns the key is missing up to the position.</summary>
    private void Check(string operation, string item, string? key, Position wanted, RowPage page)
    {
        world.Truth.CatchUp();
        var at = page.State.Checkpoint.Position;
        var missing = world.Truth.Events.Find(happened => happened.Position > at && happened.Position <= wanted
            && (key is null || happened.Stream == new StreamId("item", item)));
        if (missing is not null)
            world.Fail("6 what you wrote, you read",
                $"{operation} was told fresh up to {wanted}, and the read model stood at {at} without {missing.Position} of {missing.Stream}.");
    }
}
