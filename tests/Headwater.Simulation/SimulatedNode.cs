using Microsoft.Extensions.Logging;

namespace Headwater.Simulation;

/// <summary>A place where a process runs, dies and is started again.</summary>
internal sealed class SimulatedNode(string name, int speed, TimeSpan skew, World world)
{
    private Life? life;
    private int lives;

    public string Name => name;

    public bool IsUp => life is { Node.IsReady: true };

    public SimulatedScheduler? Scheduler => life?.Scheduler;

    /// <summary>Starts a process, and returns once it can answer.</summary>
    public async Task Start()
    {
        var begun = life = new Life($"{name}.{++lives}", speed, skew, world);
        world.Trace.Line($"{begun.Name} starts");
        try
        {
            await Call(begun, async each =>
            {
                await each.Node.Start(CancellationToken.None);
                return true;
            }, null);
            world.Trace.Line($"{begun.Name} is up");
            world.HoldBreath(() => world.Stalled.OpenAt(begun));
        }
        catch (Exception e) when (e is SimulatedFault or NodeLostException)
        {
            if (life == begun)
                Crash();
            world.Trace.Line($"{begun.Name} could not start: {e.Message}");
        }
    }

    /// <summary>The process is gone: nothing it was about to do is done, and what it had open is closed without a commit.</summary>
    public void Crash()
    {
        if (life is null)
            return;
        world.Trace.Line($"{life.Name} crashes");
        life.Die();
        life = null;
    }

    /// <summary>Starts processes until one is up.</summary>
    public async Task Ensure()
    {
        while (!IsUp)
        {
            await world.Pause(TimeSpan.FromSeconds(1));
            if (life is null)
                await Start();
        }
    }

    public void Ring() => life?.Signal.Ring();

    /// <summary>Has the process do something, as a request over the network does. The caller goes on outside.</summary>
    /// <param name="work">What to do there.</param>
    /// <param name="patience">How long the caller waits for the answer; without it, for ever. The work goes on without him.</param>
    /// <exception cref="NodeLostException">The process is down, died meanwhile, or does not answer in time.</exception>
    public Task<T> Call<T>(Func<Life, Task<T>> work, TimeSpan? patience = null) =>
        life is { Node.IsReady: true } process ? Call(process, work, patience) : throw new NodeLostException(name);

    private async Task<T> Call<T>(Life process, Func<Life, Task<T>> work, TimeSpan? patience)
    {
        var task = Task.Factory.StartNew(
            () => work(process), CancellationToken.None, TaskCreationOptions.DenyChildAttach, process.Scheduler).Unwrap();
        await (patience is { } time ? Task.WhenAny(task, process.Lost, Task.Delay(time, world.Time)) : Task.WhenAny(task, process.Lost));
        return task.IsCompleted ? await task : throw new NodeLostException(process.Name);
    }
}

/// <summary>One process, from its start to its death.</summary>
internal sealed class Life
{
    private readonly TaskCompletionSource lost = new();
    private readonly Clock.Of time;
    private readonly Connection connection;

    public Life(string name, int speed, TimeSpan skew, World world)
    {
        Name = name;
        Scheduler = new SimulatedScheduler(name, world) { Speed = speed };
        time = new Clock.Of(world.Clock, skew);
        var random = new Random(world.Random.Next());
        var surroundings = new Surroundings(time, Scheduler, random, () => World.NewId(random));
        var faults = new Faults(world);
        Signal = new SimulatedSignal(faults);
        connection = world.Database.Open(Scheduler, time, random);
        var (log, readModels, checkpoints) = world.Bug.In(connection.Stores, world);
        var stores = new Stores(
            new FaultyLog(log, faults, world), new FaultyReadModels(readModels, faults), new FaultyCheckpoints(checkpoints, faults));
        var loggers = new Loggers(name, world);
        (Node, Items) = Nodes.Build(world.Options, stores, world.Plan.UsesOwnSignal ? connection.Signal ?? Signal : Signal, surroundings, world.Outside, loggers);
        Tombstones = new Tombstones(
            Node.Projections, Node.Log, world.Options, surroundings, loggers.CreateLogger<Tombstones>());
    }

    public string Name { get; }

    public SimulatedScheduler Scheduler { get; }

    public SimulatedSignal Signal { get; }

    public Node Node { get; }

    public Decider<Item, ItemEvent> Items { get; }

    /// <summary>Completes when the process is gone.</summary>
    public Task Lost => lost.Task;

    public Tombstones Tombstones { get; }

    public TimeProvider Time => time;

    public void Die()
    {
        Scheduler.Die();
        time.Die();
        connection.Die();
        Node.Dispose();     // frees what the test's process would keep of it; nobody is left whom it could tell
        lost.SetResult();
    }

    /// <summary>What the node logs goes into the trace.</summary>
    private sealed class Loggers(string name, World world) : ILoggerFactory, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            world.Trace.Line($"  {name} logs: {formatter(state, exception)} {exception?.Message}");
            if (exception is not (null or SimulatedFault or EventHandlingException))
                world.Fail("no unexpected exception", exception.ToString());
        }

        public void Dispose()
        {
        }
    }
}
