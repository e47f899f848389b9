namespace Headwater.Simulation;

/// <summary>
/// Some nodes over one database, those who use them, and all that goes wrong, run by one seed on one thread. First comes the
/// storm; then the faults stop, and everything must come to rest in the right place.
/// </summary>
internal sealed class World : IDisposable
{
    private const int MostSteps = 400_000;

    private static readonly TimeSpan longestStorm = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan longestCalm = TimeSpan.FromMinutes(2);

    private readonly SimulatedScheduler outside;
    private readonly List<Task> actors = [];
    private readonly List<Follower> followers = [];
    private readonly SynchronizationContext? around = SynchronizationContext.Current;
    private Violation? violation;
    private int steps;

    public World(Plan plan, PlantedBug? bug = null, Trace? trace = null)
    {
        // Awaiting must keep the scheduler, and a test runner's context would come before it.
        SynchronizationContext.SetSynchronizationContext(null);
        Plan = plan;
        Bug = bug ?? PlantedBug.None;
        Trace = trace ?? new Trace();
        Random = new Random(plan.Seed);
        Time = new Clock.Of(Clock, TimeSpan.Zero);
        outside = new SimulatedScheduler("outside", this) { Speed = 4 };
        Outside = new Outside(this);
        Options = new HeadwaterOptions
        {
            PageSize = plan.PageSize,
            TailEvents = plan.TailEvents,
            TailBytes = 1 << 16,
            TombstoneRetention = plan.TombstoneRetention,
        };
        var ids = new Random(Random.Next());
        Database = plan.UsesSqlite ? new SqliteFile(this) : new MemoryDatabase(Time, () => NewId(ids));
        Truth = new Truth(this, Database.Observer.Log);
        Ledger = new Ledger(this);
        Stalled = new StalledFollowers(this);
        Invariants = new Invariants(this);
        Nodes = [.. Enumerable.Range(1, plan.Nodes).Select(number => new SimulatedNode(
            $"node{number}", Random.Next(1, 6), TimeSpan.FromMilliseconds(Random.Next(-2000, 2000)), this))];
    }

    public Plan Plan { get; }

    public PlantedBug Bug { get; }

    public Trace Trace { get; }

    public Random Random { get; }

    public Clock Clock { get; } = new();

    public TimeProvider Time { get; }

    public Database Database { get; }

    public HeadwaterOptions Options { get; }

    public Outside Outside { get; }

    public Truth Truth { get; }

    public Invariants Invariants { get; }

    public IReadOnlyList<SimulatedNode> Nodes { get; }

    public Ledger Ledger { get; }

    public StalledFollowers Stalled { get; }

    public IReadOnlyList<Follower> Followers => followers;

    /// <summary>Whether the storm is over, or the world holds its breath.</summary>
    public bool IsCalm { get; private set; }

    public int Steps => steps;

    public static World Run(int seed, PlantedBug? bug = null, Trace? trace = null) => Run(Plan.Of(seed), bug, trace);

    /// <summary>Lets a world live from its beginning to its end.</summary>
    /// <exception cref="Violation">A promise was broken.</exception>
    public static World Run(Plan plan, PlantedBug? bug = null, Trace? trace = null)
    {
        using var world = new World(plan, bug, trace);
        world.Live();
        return world;
    }

    public static Guid NewId(Random random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes);
    }

    /// <summary>Says that a promise was broken, and ends the world.</summary>
    public void Fail(string promise, string detail)
    {
        violation ??= new Violation(Plan.Seed, promise, $"{detail}{Environment.NewLine}{Plan}", Trace.ToString());
        throw violation;
    }

    /// <summary>Something got out of the world's hands, so the seed does not decide all of it any more.</summary>
    public void Escaped(string scheduler) => violation ??= new Violation(
        Plan.Seed, "no thread but the world's", $"A continuation came to {scheduler} from elsewhere:{Environment.NewLine}{Environment.StackTrace}", "");

    /// <summary>Lets others go first, a few times.</summary>
    public async ValueTask SomeTurns()
    {
        for (var turns = Random.Next(6); turns > 0; turns--)
            await Task.Yield();
    }

    /// <summary>Waits outside, up to a time.</summary>
    public Task Pause(TimeSpan atMost) => Task.Delay(Random.NextDouble() * atMost, Time);

    public SimulatedNode AnyNode() => Nodes[Random.Next(Nodes.Count)];

    /// <summary>Does something at once: no fault, no delay, no chance.</summary>
    public void HoldBreath(Action act)
    {
        var before = IsCalm;
        IsCalm = true;
        act();
        IsCalm = before;
    }

    /// <summary>Tells the other processes that something was appended; some of it is lost, late or said twice.</summary>
    public void Ring()
    {
        foreach (var node in Nodes)
        {
            if (Random.Next(100) < Plan.LostSignalsPercent)
                continue;
            for (var times = Random.Next(4) == 0 ? 2 : 1; times > 0; times--)
                Task.Factory.StartNew(
                    async () =>
                    {
                        await SomeTurns();
                        node.Ring();
                    },
                    CancellationToken.None, TaskCreationOptions.DenyChildAttach, outside);
        }
    }

    /// <summary>Runs a script outside instead of the storm, and the nodes with it, until it is through.</summary>
    public T Do<T>(Func<Task<T>> script)
    {
        var task = Task.Factory.StartNew(script, CancellationToken.None, TaskCreationOptions.DenyChildAttach, outside).Unwrap();
        Go(() => task.IsCompleted, longestCalm, calmDownAtEnd: false);
        return task.GetAwaiter().GetResult();
    }

    /// <summary>Waits outside until something is so.</summary>
    public async Task Until(Func<bool> isSo)
    {
        while (!isSo())
            await Task.Delay(TimeSpan.FromMilliseconds(100), Time);
    }

    public void Dispose()
    {
        foreach (var node in Nodes)
            node.Crash();
        Database.Dispose();
        SynchronizationContext.SetSynchronizationContext(around);
    }

    private void Live()
    {
        Trace.Line($"{Plan with { Stalled = 0 }}");
        var users = new List<Task>();
        Act(async () =>
        {
            foreach (var node in Nodes)
                await node.Ensure();
        }, users);
        for (var i = 0; i < Plan.Writers; i++)
            Act(new Writer($"w{i}", this).Run, users);
        for (var i = 0; i < Plan.Readers; i++)
            Act(new Reader($"r{i}", this).Run, users);
        Act(new Operator(this).Run, users);
        for (var i = 0; i < Plan.Followers; i++)
        {
            var follower = new Follower($"f{i}", this);
            followers.Add(follower);
            Act(follower.Run, actors);
        }

        Go(() => users.TrueForAll(user => user.IsCompleted), longestStorm, calmDownAtEnd: true);
        IsCalm = true;
        Trace.Line($"calm at {Clock.Elapsed}");
        Go(() => users.TrueForAll(user => user.IsCompleted) && Invariants.IsAtRest(), longestCalm, calmDownAtEnd: false);
        Invariants.AtTheEnd();
        Stalled.Wake();
        Trace.Line($"ended after {steps} steps at {Clock.Elapsed}");
    }

    /// <summary>Steps until a condition holds. A storm that does not end by itself is ended; a calm must.</summary>
    private void Go(Func<bool> isDone, TimeSpan atMost, bool calmDownAtEnd)
    {
        var end = Clock.Elapsed + atMost;
        for (var looked = 0; ; looked++)
        {
            if (looked % 16 == 0 && isDone())
                return;
            if (Clock.Elapsed > end || steps > MostSteps)
            {
                if (calmDownAtEnd)
                    return;
                Fail("2 nothing stalls", $"It is calm for {atMost} or {steps} steps, and still: {Invariants.Restless()}");
            }

            Step();
            if (violation is not null)
                throw violation;
        }
    }

    private void Step()
    {
        steps++;
        var total = outside.Runnable > 0 ? outside.Speed : 0;
        foreach (var node in Nodes)
            if (node.Scheduler is { Runnable: > 0 } scheduler)
                total += scheduler.Speed;

        if (total == 0 || Random.Next(64) == 0)
        {
            Trace.Mix(-1);
            if (!Clock.Advance() && total == 0)
                Fail("2 nothing stalls", "Nothing runs and nobody waits for time.");
            return;
        }

        var choice = Random.Next(total);
        var chosen = outside;
        if (outside.Runnable == 0 || (choice -= outside.Speed) >= 0)
            foreach (var node in Nodes)
            {
                if (node.Scheduler is not { Runnable: > 0 } scheduler || (choice -= scheduler.Speed) >= 0)
                    continue;
                chosen = scheduler;
                break;
            }

        var which = Random.Next(chosen.Runnable);
        Trace.Mix(which);
        chosen.Run(which);
    }

    private void Act(Func<Task> act, List<Task> among) => among.Add(Task.Factory.StartNew(
        async () =>
        {
            try
            {
                await act();
            }
            catch (Exception e) when (e is not Violation)
            {
                Fail("no unexpected exception", e.ToString());
            }
        },
        CancellationToken.None, TaskCreationOptions.DenyChildAttach, outside).Unwrap());
}
