using System.Text.Json;
using System.Text.Json.Serialization;

namespace Headwater;

/// <summary>Loads a stream's state, has commands decided on it and appends what they lead to.</summary>
/// <typeparam name="TState">The state.</typeparam>
/// <typeparam name="TEvent">The base type of its events.</typeparam>
public sealed class Decider<TState, TEvent>
    where TState : IState<TState, TEvent>
    where TEvent : notnull
{
    private readonly Log log;
    private readonly StreamType<TState, TEvent> type;
    private readonly HeadwaterOptions options;

    internal Decider(Log log, StreamType<TState, TEvent> type, HeadwaterOptions options) =>
        (this.log, this.type, this.options) = (log, type, options);

    /// <summary>The category of its streams.</summary>
    public string Category => type.Category;

    /// <summary>The stream of a key.</summary>
    /// <exception cref="ArgumentException">The key is empty, too long or has control characters.</exception>
    public StreamId StreamOf(string key) => new(type.Category, key);

    /// <summary>The state of a stream, now (the default) or at a moment of its history.</summary>
    /// <returns>The initial state and version 0 if the stream had no events by then.</returns>
    /// <exception cref="UnreadableEventException">An event cannot be decoded.</exception>
    public async ValueTask<Versioned<TState>> Load(string key, AsOf? asOf = null, CancellationToken cancel = default)
    {
        var moment = asOf ?? AsOf.Now;
        var stream = StreamOf(key);
        var loaded = new Versioned<TState>(TState.Initial, 0, Position.Start);
        while (true)
        {
            var page = await log.ReadStream(stream, loaded.Version, options.PageSize, cancel);
            foreach (var happened in page)
            {
                if (!moment.Includes(happened))
                    return loaded;
                loaded = new(TState.Evolve(loaded.State, Typed(happened)), happened.Version, happened.Position);
            }

            if (page.Count < options.PageSize)
                return loaded;
        }
    }

    /// <summary>
    /// Has a command decided on the stream's state and appends what it leads to. If others change the stream meanwhile, it is
    /// decided again on the new state, a bounded number of times.
    /// </summary>
    public async ValueTask<CommandResult<TState>> Execute(
        string key, ICommand<TState, TEvent> command, CommandContext? context = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        context ??= CommandContext.None;
        var stream = StreamOf(key);
        if (await Answered(context, cancel) is { } known)
            return known;

        if (!log.Turns.AreTaken(stream) && await Attempt(stream, command, context, cancel) is { } result)
            return result;

        // Others change this stream just now. Who has lost once waits in line, and so does who finds a line, so that trying again
        // is not losing again.
        await log.Turns.Wait(stream);
        try
        {
            for (var retry = 0; retry < options.CommandRetries; retry++)
                if (await Attempt(stream, command, context, cancel) is { } later)
                    return later;
        }
        finally
        {
            log.Turns.Leave(stream);
        }

        return new CommandResult<TState>.Contended(stream, options.CommandRetries + 1);
    }

    /// <summary>Loads, decides and appends once; null if somebody else has changed the stream meanwhile.</summary>
    private async ValueTask<CommandResult<TState>?> Attempt(
        StreamId stream, ICommand<TState, TEvent> command, CommandContext context, CancellationToken cancel)
    {
        var loaded = await Load(stream.Key, cancel: cancel);
        if (!context.Expected.Allows(loaded.Version))
        {
            // It may be this very command that moved the stream on: an earlier attempt that was at work until just now.
            return await Answered(context, cancel) ?? new CommandResult<TState>.Stale(stream, context.Expected, loaded.Version);
        }

        var decision = command.Decide(loaded.State);
        if (decision.Events.Count == 0 && context.IdempotencyKey is null)
            return decision.Refusal is { } refusal ? new CommandResult<TState>.Refused(refusal) : await Unchanged(loaded, cancel);

        var (request, after) = Prepare(stream, loaded, decision, context);
        return await log.Append(request, cancel) switch
        {
            AppendResult.Appended when decision.Refusal is { } refused => new CommandResult<TState>.Refused(refused),
            AppendResult.Appended appended => new CommandResult<TState>.Accepted(
                after, loaded.Version + decision.Events.Count, log.CursorAfter(appended.Position)),
            AppendResult.AlreadyAnswered earlier => await Answer(earlier.Receipt, context.IdempotencyKey!, cancel),
            AppendResult.IdReused reused => throw new InvalidOperationException(
                $"The new event id {reused.EventId} stands in stream '{reused.Stream}' already."),
            _ => null,
        };
    }

    private (AppendRequest Request, TState After) Prepare(
        StreamId stream, Versioned<TState> loaded, Decision<TEvent> decision, CommandContext context)
    {
        var after = loaded.State;
        var events = log.Encode(decision.Events.Cast<object>(), context.Metadata, happened =>
        {
            after = TState.Evolve(after, (TEvent)happened);
            return type.TagsOf(after, (TEvent)happened);
        });

        var refusal = decision.Refusal is { } refused ? JsonSerializer.Serialize(refused, RefusalJson.Default.Refusal) : null;
        return (new AppendRequest(events.Count == 0 ? [] : [new(stream, ExpectedVersion.Exactly(loaded.Version), events)])
        {
            Receipt = context.IdempotencyKey is { } key ? new(key.Key, key.Fingerprint, stream, loaded.Version, refusal) : null,
        }, after);
    }

    /// <summary>The answer given before under the command's idempotency key, or null.</summary>
    private async ValueTask<CommandResult<TState>?> Answered(CommandContext context, CancellationToken cancel) =>
        context.IdempotencyKey is { } given && await log.FindReceipt(given.Key, cancel) is { } receipt
            ? await Answer(receipt, given, cancel)
            : null;

    /// <summary>The first answer again: what the stream was at the version the command left it at.</summary>
    private async ValueTask<CommandResult<TState>> Answer(Receipt receipt, IdempotencyKey given, CancellationToken cancel)
    {
        if (receipt.Fingerprint != given.Fingerprint)
            return new CommandResult<TState>.KeyReused(given.Key);
        if (receipt.Refusal is { } json)
            return new CommandResult<TState>.Refused(JsonSerializer.Deserialize(json, RefusalJson.Default.Refusal)!);
        var then = await Load(receipt.Stream.Key, AsOf.Version(receipt.Version), cancel);
        return new CommandResult<TState>.Accepted(then.State, then.Version, log.CursorAfter(receipt.Position));
    }

    private async ValueTask<CommandResult<TState>> Unchanged(Versioned<TState> loaded, CancellationToken cancel) =>
        new CommandResult<TState>.Accepted(loaded.State, loaded.Version, log.Knowing(loaded.Position, log.CursorAfter((await log.Head(cancel)).Position)));

    private static TEvent Typed(RecordedEvent happened) => happened.Event is TEvent typed
        ? typed
        : throw new UnreadableEventException(happened, $"it is a {happened.Event.GetType()}, and this stream's events are {typeof(TEvent)}.");
}

[JsonSerializable(typeof(Refusal))]
internal sealed partial class RefusalJson : JsonSerializerContext;
