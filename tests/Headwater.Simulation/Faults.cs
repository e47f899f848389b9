namespace Headwater.Simulation;

/// <summary>What goes wrong at the ports of a node, and how often; nothing any more once the world has calmed down.</summary>
internal sealed class Faults(World world)
{
    private static readonly TimeSpan longest = TimeSpan.FromSeconds(2);

    private bool AreOn => !world.IsCalm;

    /// <summary>A read takes a while before it looks or after it did, or fails.</summary>
    public async ValueTask<T> Read<T>(string call, Func<ValueTask<T>> read)
    {
        await Slow();
        Throw(call);
        var result = await read();
        await Slow();
        return result;
    }

    /// <summary>A write fails before it is done or after, and then its caller cannot know whether it was.</summary>
    public async ValueTask<T> Write<T>(string call, Func<ValueTask<T>> write)
    {
        await Slow();
        Throw($"before {call}");
        var result = await write();
        world.Invariants.AfterWrite(call);
        Throw($"after {call}");
        await Slow();
        return result;
    }

    public void Throw(string where)
    {
        if (!AreOn || world.Random.Next(1000) >= world.Plan.FaultsPerMille)
            return;
        world.Trace.Line($"  fault {where}");
        throw new SimulatedFault(where);
    }

    public async ValueTask Slow()
    {
        if (!AreOn || world.Random.Next(100) >= world.Plan.SlowPercent)
            return;
        if (world.Random.Next(10) == 0)
            await Task.Delay(world.Random.NextDouble() * longest, world.Time);
        else
            await world.SomeTurns();
    }
}

internal sealed class FaultyLog(ILogStore inner, Faults faults, World world) : ILogStore
{
    public bool CommitsInOrder => inner.CommitsInOrder;

    public ValueTask<LogHead> Head(CancellationToken cancel) => faults.Read("head", () => inner.Head(cancel));

    public ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel)
    {
        // The saboteur stands before or behind the projections, so the transaction is undone half done, or all but committed.
        var saboteur = new Saboteur(faults);
        var participants = world.Random.Next(2) == 0 ? request.Participants.Prepend(saboteur) : request.Participants.Append(saboteur);
        return faults.Write("append", async () =>
        {
            var result = await inner.Append(request with { Participants = [.. participants] }, cancel);
            world.Ring();
            return result;
        });
    }

    public ValueTask<LogPage> Read(LogQuery query, CancellationToken cancel) => faults.Read("read", () => inner.Read(query, cancel));

    public ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(StreamId stream, long afterVersion, int limit, CancellationToken cancel) =>
        faults.Read("read stream", () => inner.ReadStream(stream, afterVersion, limit, cancel));

    public ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel) =>
        faults.Read("find receipt", () => inner.FindReceipt(key, cancel));

    private sealed class Saboteur(Faults faults) : IAppendParticipant
    {
        public string Name => "saboteur";

        public async ValueTask Join(IAppendTransaction transaction, CancellationToken cancel)
        {
            // The memory store has one writer for all nodes, which a node that dies inside its turn would keep for ever.
            if (transaction.Database is not null)
                await faults.Slow();
            faults.Throw("inside append");
        }

        public void Committed()
        {
        }
    }
}

internal sealed class FaultyReadModels(IReadModelStore inner, Faults faults) : IReadModelStore
{
    public async ValueTask Prepare(
        ReadModelSchema schema, Func<System.Data.Common.DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel) =>
        await faults.Write("prepare", async () =>
        {
            await inner.Prepare(schema, tables, cancel);
            return true;
        });

    public ValueTask<ReadModelState> State(string model, CancellationToken cancel) =>
        faults.Read("state", () => inner.State(model, cancel));

    public ValueTask<RowPage> ReadRow(string model, string key, CancellationToken cancel) =>
        faults.Read("read row", () => inner.ReadRow(model, key, cancel));

    public ValueTask<RowPage> FindRows(
        string model, IReadOnlyList<FieldValue> fields, string? afterKey, int limit, CancellationToken cancel) =>
        faults.Read("find rows", () => inner.FindRows(model, fields, afterKey, limit, cancel));

    public ValueTask<RowPage> ReadChanges(string model, string? key, Position after, int limit, CancellationToken cancel) =>
        faults.Read("read changes", () => inner.ReadChanges(model, key, after, limit, cancel));

    public ValueTask<Checkpoint> Claim(string model, long fence, CancellationToken cancel) => fence == 0
        ? faults.Read("state", () => inner.Claim(model, 0, cancel))
        : faults.Write($"claim of {model}", () => inner.Claim(model, fence, cancel));

    public ValueTask<bool> Commit(ProjectionCommit commit, CancellationToken cancel) =>
        faults.Write($"commit of {commit.Model}", () => inner.Commit(commit, cancel));

    public async ValueTask Reset(
        string model, Func<System.Data.Common.DbTransaction, CancellationToken, ValueTask>? tables, CancellationToken cancel) =>
        await faults.Write("reset", async () =>
        {
            await inner.Reset(model, tables, cancel);
            return true;
        });

    public ValueTask<string> Bind(string epoch, CancellationToken cancel) => inner.Bind(epoch, cancel);

    public async ValueTask TrimTombstones(string model, Position upTo, CancellationToken cancel) =>
        await faults.Write("trim", async () =>
        {
            await inner.TrimTombstones(model, upTo, cancel);
            return true;
        });
}

internal sealed class FaultyCheckpoints(ICheckpointStore inner, Faults faults) : ICheckpointStore
{
    public ValueTask<Checkpoint> Load(string subscription, CancellationToken cancel) =>
        faults.Read("load", () => inner.Load(subscription, cancel));

    public ValueTask<Checkpoint> Claim(string subscription, long fence, CancellationToken cancel) => fence == 0
        ? faults.Read("load", () => inner.Claim(subscription, 0, cancel))
        : faults.Write($"claim of {subscription}", () => inner.Claim(subscription, fence, cancel));

    public ValueTask<bool> Save(string subscription, Checkpoint from, Position to, SkippedEvent? skipped, CancellationToken cancel) =>
        faults.Write($"save of {subscription}", () => inner.Save(subscription, from, to, skipped, cancel));

    public ValueTask<IReadOnlyList<SkippedEvent>> ReadSkipped(string subscription, int limit, CancellationToken cancel) =>
        inner.ReadSkipped(subscription, limit, cancel);
}
