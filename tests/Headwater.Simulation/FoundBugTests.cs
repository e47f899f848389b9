namespace Headwater.Simulation;

/// <summary>Bugs of the core that seeds have found, told again in the shortest way that shows them.</summary>
public sealed class FoundBugTests
{
    private static readonly Plan quiet = Plan.Of(1) with
    {
        Nodes = 1, FaultsPerMille = 0, SlowPercent = 0, LostSignalsPercent = 0, TailEvents = 4096, PageSize = 64, UsesOwnSignal = false,
    };

    /// <summary>A store that failed to read a row stopped the projection, as if its handler could not live with the event.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_row_that_cannot_be_read_is_tried_again_and_no_event_is_blamed(bool usesSqlite)
    {
        using var world = new World(quiet with { UsesSqlite = usesSqlite }, new RowUnreadableOnce());
        Start(world);

        Append(world, new ItemEvent.Put("a", 1));
        Append(world, new ItemEvent.Spoiled("b"));
        Append(world, new ItemEvent.Put("c", 2));

        Rest(world);
        world.Invariants.AtTheEnd();
    }

    /// <summary>
    /// A client may have taken rows though its cursor stands at zero: it was told the cursor first and read the rows after. It
    /// was never told that such a row was deleted.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_client_at_the_start_is_told_of_deletions(bool usesSqlite)
    {
        using var world = new World(quiet with { UsesSqlite = usesSqlite });
        var life = Start(world);
        var cursor = Follow(world, life, []).Cursor.ToString();

        Append(world, new ItemEvent.Put("a", 1));
        Rest(world);
        Append(world, new ItemEvent.Removed("b"));
        Rest(world);

        var session = Follow(world, life, [cursor]);
        Assert.Equal(["""{"key":"i0","row":null}"""], Drain(world, session));
    }

    /// <summary>A session that was open when a deletion it had not read was trimmed went on without it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_session_behind_what_is_trimmed_is_reset(bool usesSqlite)
    {
        using var world = new World(quiet with { UsesSqlite = usesSqlite, TailEvents = 16 });
        var life = Start(world);
        Append(world, new ItemEvent.Put("a", 1));
        Rest(world);
        var session = Follow(world, life, []);

        // The deletion and enough after it for the tails to hold it no more.
        Append(world, new ItemEvent.Removed("b"));
        for (var i = 0; i < 40; i++)
        {
            Append(world, new ItemEvent.Put($"p{i}", i), $"i{i % 40 + 1}");
            Rest(world);
        }

        world.Do(async () =>
        {
            await Task.Delay(world.Plan.TombstoneRetention * 2, world.Time);
            await world.Nodes[0].Call(async each =>
            {
                await each.Tombstones.Trim(CancellationToken.None);
                return true;
            });
            return true;
        });

        Drain(world, session);
        Assert.Equal(ResetReason.Trimmed, session.Reset);
    }

    /// <summary>Another process empties a read model and dies. The loops that were through with the log did not see it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_rebuild_that_another_process_began_and_left_is_gone_on_with(bool usesSqlite)
    {
        using var world = new World(quiet with { UsesSqlite = usesSqlite, Nodes = 2 });
        Start(world);
        Append(world, new ItemEvent.Put("a", 1));
        Rest(world);

        world.Do(async () =>
        {
            await world.Nodes[1].Ensure();
            await world.Nodes[1].Call(async life =>
            {
                await life.Node.Projections.Single(each => each.Name == "totals").Reset(CancellationToken.None);
                return true;
            });
            world.Nodes[1].Crash();
            return true;
        });

        Rest(world);
        world.Invariants.AtTheEnd();
    }

    /// <summary>
    /// A retry looked for the receipt just before its first attempt committed, loaded the stream just after, and was told that it
    /// had decided on a stale version: its own success had moved the stream on.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_retry_that_meets_its_own_success_gets_its_answer(bool usesSqlite)
    {
        var late = new LateReceipt();
        using var world = new World(quiet with { UsesSqlite = usesSqlite }, late);
        Start(world);
        var context = new CommandContext { Expected = ExpectedVersion.None, IdempotencyKey = new IdempotencyKey("a", "a") };

        var (first, retry) = world.Do(async () =>
        {
            var waiting = world.Nodes[0].Call(life => life.Items.Execute("i0", new PutItem("a", 1), context).AsTask());
            await world.Until(() => late.IsAsked);
            var answer = await world.Nodes[0].Call(life => life.Items.Execute("i0", new PutItem("a", 1), context).AsTask());
            late.LetGo();
            return (answer, await waiting);
        });

        Assert.IsType<CommandResult<Item>.Accepted>(first);
        Assert.Equal(first, retry);
    }

    /// <summary>Seeds that show a bug again when its mending is taken back, as the simulation now is.</summary>
    [Theory]
    [InlineData(123, "a session goes on though a deletion it has not read is trimmed")]
    [InlineData(913, "a session goes on though a deletion it has not read is trimmed")]
    [InlineData(343, "a tail that comes after the trimming serves followers from before it")]
    [InlineData(490, "a tail that comes after the trimming serves followers from before it")]
    public void Seeds_that_found_something_keep_the_promises(int seed, string found)
    {
        Assert.NotEmpty(found);
        World.Run(seed);
    }

    private static Life Start(World world) => world.Do(async () =>
    {
        await world.Nodes[0].Ensure();
        return await world.Nodes[0].Call(Task.FromResult);
    });

    private static void Append(World world, ItemEvent happened, string item = "i0") => world.Do(() => world.Nodes[0].Call(async life =>
        Assert.IsType<AppendResult.Appended>(await life.Node.Log.Append(new StreamId("item", item), ExpectedVersion.Any, [happened]))));

    /// <summary>Waits until everything has seen everything; a world in which that does not come about fails.</summary>
    private static void Rest(World world) => world.Do(async () =>
    {
        await world.Until(world.Invariants.IsAtRest);
        await Task.Delay(TimeSpan.FromSeconds(3), world.Time);
        return true;
    });

    private static FeedSession Follow(World world, Life life, IReadOnlyList<string> after) => world.Do(() => world.Nodes[0].Call(each =>
        FeedSession.Open(each.Node.Log, [new FeedRequest(life.Node.Feeds["board"], null)], after, 8, CancellationToken.None).AsTask()));

    private static List<string> Drain(World world, FeedSession session) => world.Do(() => world.Nodes[0].Call(async _ =>
    {
        var told = new List<string>();
        var items = new List<FeedItem>();
        while (await session.Read(items, CancellationToken.None) && session.Reset is ResetReason.None)
            told.AddRange(items.Select(item => System.Text.Encoding.UTF8.GetString(item.Frame.Json.Span)));
        return told;
    }));

    /// <summary>The first look for a receipt takes its time to come back.</summary>
    private sealed class LateReceipt : PlantedBug
    {
        private readonly TaskCompletionSource gone = new();

        public bool IsAsked { get; private set; }

        public void LetGo() => gone.SetResult();

        public override Stores In(Stores stores, World world) => stores with { Log = new Store(stores.Log, this) };

        private sealed class Store(ILogStore inner, LateReceipt late) : AroundLog(inner)
        {
            public override async ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel)
            {
                var isFirst = !late.IsAsked;
                late.IsAsked = true;
                var receipt = await base.FindReceipt(key, cancel);
                if (isFirst)
                    await late.gone.Task;
                return receipt;
            }
        }
    }

    private sealed class RowUnreadableOnce : PlantedBug
    {
        private readonly HashSet<string> failed = [];

        public override Stores In(Stores stores, World world) => stores with { ReadModels = new Store(stores.ReadModels, failed) };

        private sealed class Store(IReadModelStore inner, HashSet<string> failed) : AroundReadModels(inner)
        {
            public override ValueTask<RowPage> ReadRow(string model, string key, CancellationToken cancel) =>
                failed.Add(model) ? throw new SimulatedFault($"row of {model}") : base.ReadRow(model, key, cancel);
        }
    }
}
