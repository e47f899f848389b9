namespace Headwater.Simulation;

/// <summary>Sends commands and appends, and tries again where it may.</summary>
internal sealed class Writer(string name, World world)
{
    public const int Items = 4;

    private static readonly TimeSpan mostPatience = TimeSpan.FromSeconds(3);

    public async Task Run()
    {
        for (var i = 0; i < world.Plan.OperationsEach; i++)
        {
            var operation = $"{name}.{i}";
            await (world.Random.Next(10) switch
            {
                < 4 => Command(operation, isKeyed: true),
                < 6 => Command(operation, isKeyed: false),
                < 8 => Several(operation),
                _ => Note(operation),
            });
            if (world.Random.Next(3) == 0)
                await world.Pause(TimeSpan.FromSeconds(1));
        }
    }

    public static string AnyItem(World world) => $"i{world.Random.Next(Items)}";

    /// <summary>Some give up soon, and their next attempt meets the first one still at work.</summary>
    private static TimeSpan Patience(World world) => world.Random.NextDouble() * world.Random.NextDouble() * mostPatience;

    /// <summary>Asks until there is an answer, each time some node; only what is idempotent may be sent twice.</summary>
    public static async Task<T> Insist<T>(World world, Func<Life, Task<T>> ask)
    {
        while (true)
        {
            try
            {
                return await world.AnyNode().Call(ask, Patience(world));
            }
            catch (Exception e) when (e is SimulatedFault or NodeLostException)
            {
                await world.Pause(TimeSpan.FromSeconds(1));
            }
        }
    }

    /// <summary>Now and then a writer has seen a version, perhaps a while ago.</summary>
    private ExpectedVersion AnyExpectation(string item)
    {
        world.Truth.CatchUp();
        return world.Random.Next(3) > 0
            ? ExpectedVersion.Any
            : ExpectedVersion.Exactly(Math.Max(0, world.Truth.VersionOf(new StreamId("item", item)) - world.Random.Next(2)));
    }

    private async Task Command(string operation, bool isKeyed)
    {
        var item = AnyItem(world);
        ICommand<Item, ItemEvent> command = world.Random.Next(8) switch
        {
            0 => new SpoilItem(operation),
            1 or 2 => new RemoveItem(operation),
            _ => new PutItem(operation, world.Random.Next(100)),
        };
        var context = new CommandContext
        {
            IdempotencyKey = isKeyed ? new IdempotencyKey(operation, operation) : null,
            Expected = AnyExpectation(item),
        };

        world.Trace.Line($"{operation}: {command} on {item}, {context.Expected}{(isKeyed ? ", with a key" : "")}");
        world.Ledger.Begin(operation);
        if (!isKeyed)
        {
            try
            {
                Settle(operation, await world.AnyNode().Call(life => Execute(life, item, command, context), Patience(world)));
            }
            catch (Exception e) when (e is SimulatedFault or NodeLostException)
            {
                world.Trace.Line($"{operation} failed: {e.Message}");
            }

            return;
        }

        Settle(operation, await Insist(world, life => Execute(life, item, command, context)));
        if (world.Random.Next(2) == 0)
            Settle(operation, await Insist(world, life => Execute(life, item, command, context)));
    }

    private static Task<CommandResult<Item>> Execute(Life life, string item, ICommand<Item, ItemEvent> command, CommandContext context) =>
        life.Items.Execute(item, command, context).AsTask();

    private void Settle(string operation, CommandResult<Item> answer)
    {
        world.Trace.Line($"{operation} is answered: {answer}");
        switch (answer)
        {
            case CommandResult<Item>.Accepted accepted:
                world.Ledger.Happened(operation, accepted.Cursor.Position, accepted.Version);
                break;
            case CommandResult<Item>.Refused or CommandResult<Item>.Stale:
                world.Ledger.DidNotHappen(operation, answer.ToString());
                break;
            case CommandResult<Item>.Contended:
                break;
            default:
                world.Fail("an answer makes sense", $"{operation} was answered with {answer}.");
                break;
        }
    }

    /// <summary>Appends to several streams at once; the event ids make it safe to try again.</summary>
    private async Task Several(string operation)
    {
        List<StreamAppend>? batch = null;
        var items = Enumerable.Range(0, Items).OrderBy(_ => world.Random.Next()).Take(world.Random.Next(1, 4)).ToList();
        var streams = items.Select(item => (Id: new StreamId("item", $"i{item}"), Expected: AnyExpectation($"i{item}"))).ToList();
        var value = world.Random.Next(100);
        world.Trace.Line($"{operation}: puts {value} to {string.Join(", ", streams)}");
        world.Ledger.Begin(operation);
        for (var times = world.Random.Next(1, 3); times > 0; times--)
        {
            var answer = await Insist(world, life =>
            {
                batch ??= [.. streams.Select(stream => life.Node.Log.Prepare(
                    stream.Id, stream.Expected, [new ItemEvent.Put(operation, value)]))];
                return life.Node.Log.Append(batch, CancellationToken.None).AsTask();
            });
            world.Trace.Line($"{operation} is answered: {answer}");
            if (answer is AppendResult.Appended appended)
                world.Ledger.Happened(operation, appended.Position, appended.Streams[^1].Version);
            else if (answer is AppendResult.Conflict)
                world.Ledger.DidNotHappen(operation, answer.ToString());
            else
                world.Fail("an answer makes sense", $"{operation} was answered with {answer}.");
        }

        if (world.Truth.Of(operation).Count is var count && count != 0 && count != items.Count)
            world.Fail("all or nothing", $"{operation} appended {count} of {items.Count} events.");
    }

    private async Task Note(string operation)
    {
        world.Trace.Line($"{operation}: writes a note");
        world.Ledger.Begin(operation);
        try
        {
            var answer = await world.AnyNode().Call(life => life.Node.Log.Append(
                new StreamId("note", "n"), ExpectedVersion.Any, [new NoteEvent.Written(operation)]).AsTask(), Patience(world));
            if (answer is AppendResult.Appended appended)
                world.Ledger.Happened(operation, appended.Position, appended.Streams[0].Version);
            else
                world.Fail("an answer makes sense", $"{operation} was answered with {answer}.");
        }
        catch (Exception e) when (e is SimulatedFault or NodeLostException)
        {
            world.Trace.Line($"{operation} failed: {e.Message}");
        }
    }
}
