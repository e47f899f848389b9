using System.Data.Common;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>The ordered log of everything that happened: append to it, read it, follow it.</summary>
public sealed partial class Log
{
    private readonly ILogStore store;
    private readonly EventTypes types;
    private readonly LogTail tail;
    private readonly HeadwaterOptions options;
    private readonly Surroundings surroundings;
    private readonly IReadOnlyList<IAppendParticipant> participants;
    private readonly ILogger<Log> logger;
    private readonly Trouble trouble;

    internal Log(
        ILogStore store, EventTypes types, LogTail tail, HeadwaterOptions options, Surroundings surroundings,
        IEnumerable<IAppendParticipant> participants, ILogger<Log> logger)
    {
        this.logger = logger;
        trouble = new Trouble(surroundings);
        Turns = new Turns<StreamId>(surroundings.Waking);
        this.store = store;
        this.types = types;
        this.tail = tail;
        this.options = options;
        this.surroundings = surroundings;
        this.participants = [.. participants];
    }

    /// <summary>Appends events to one stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="expected">The version it must have.</param>
    /// <param name="events">Instances of registered event types, in the order they happened.</param>
    /// <param name="metadata">Where they come from; the trace context is filled in if it is missing.</param>
    /// <param name="cancel">Gives up waiting; the events may be appended all the same.</param>
    public ValueTask<AppendResult> Append(
        StreamId stream, ExpectedVersion expected, IEnumerable<object> events, EventMetadata? metadata = null, CancellationToken cancel = default) =>
        Append([Prepare(stream, expected, events, metadata)], cancel);

    /// <summary>Serialises events for one stream, to be appended together with those of others.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="expected">The version it must have.</param>
    /// <param name="events">Instances of registered event types, in the order they happened.</param>
    /// <param name="metadata">Where they come from; the trace context is filled in if it is missing.</param>
    public StreamAppend Prepare(StreamId stream, ExpectedVersion expected, IEnumerable<object> events, EventMetadata? metadata = null) =>
        new(stream, expected, Encode(events, metadata));

    /// <summary>Appends events to one or several streams, all or nothing. The same event ids with the same content again change nothing.</summary>
    /// <param name="streams">The streams, each at most once.</param>
    /// <param name="cancel">Gives up waiting; the events may be appended all the same.</param>
    /// <returns>Appended, or why not: a version conflict or a reused event id.</returns>
    /// <exception cref="ArgumentException">The request breaks a limit; the message names the event and the limit.</exception>
    public ValueTask<AppendResult> Append(IReadOnlyList<StreamAppend> streams, CancellationToken cancel)
    {
        return Append(Request(streams), cancel);
    }

    /// <summary>Reads a page of events above a position, oldest first. A filtered page advances over what it leaves out.</summary>
    /// <param name="filter">Which events.</param>
    /// <param name="after">Read above it.</param>
    /// <param name="limit">At most so many events.</param>
    /// <param name="cancel">Gives up.</param>
    public ValueTask<LogPage> Read(LogFilter filter, Position after, int limit = 256, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return ReadStore(new(filter, after, Position.Max, limit), cancel);
    }

    /// <summary>Reads events of one stream above a version, oldest first.</summary>
    public async ValueTask<IReadOnlyList<RecordedEvent>> ReadStream(
        StreamId stream, long afterVersion = 0, int limit = 256, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return Bind(await store.ReadStream(stream, afterVersion, limit, cancel));
    }

    /// <summary>
    /// Follows the log from a position: page after page, and when there is no more, waits for more. There is no other mode, so
    /// nothing can fall between catching up and being live. A page without events still says how far the reader has come.
    /// </summary>
    /// <param name="filter">Which events.</param>
    /// <param name="after">Read above it.</param>
    /// <param name="cancel">Ends the following.</param>
    public async IAsyncEnumerable<LogPage> Follow(LogFilter filter, Position after, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        while (true)
        {
            var more = tail.Advanced;
            var page = await ReadBelowTail(filter, after, options.PageSize, cancel);
            if (page.Next > after)
            {
                after = page.Next;
                yield return page;
            }
            else
            {
                await more.WaitAsync(cancel);
            }
        }
    }

    /// <summary>The log's epoch and the position of its last event.</summary>
    public ValueTask<LogHead> Head(CancellationToken cancel = default) => store.Head(cancel);

    /// <summary>
    /// A cursor for somebody who knows of the event at a position. Where that says nothing about what lies below it, following
    /// from the cursor begins at what this process has read, so that it repeats rather than misses.
    /// </summary>
    internal Cursor CursorAfter(Position position, params ViewPosition[] views) =>
        new(tail.Epoch, store.CommitsInOrder ? position : Position.Min(tail.Position, position), views) { AtLeast = position };

    /// <summary>The same cursor for somebody who was also told what a stream was after an event, which may not be readable yet.</summary>
    internal Cursor Knowing(Position position, Cursor cursor) =>
        store.CommitsInOrder || position <= cursor.AtLeast ? cursor : cursor with { AtLeast = position };

    internal LogTail Tail => tail;

    /// <summary>Who takes part in every append.</summary>
    internal IReadOnlyList<IAppendParticipant> Participants => participants;

    internal HeadwaterOptions Options => options;

    /// <summary>Whether the last append failed for the store's sake.</summary>
    internal bool IsFailing => trouble.IsNow;

    /// <summary>For those who want to change a stream that others change as well.</summary>
    internal Turns<StreamId> Turns { get; }

    internal ValueTask<Receipt?> FindReceipt(string key, CancellationToken cancel) => store.FindReceipt(key, cancel);

    internal async ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel)
    {
        AppendLimits.Check(request, options);
        using var activity = Telemetry.Source.StartActivity("append", ActivityKind.Producer);
        var started = surroundings.Time.GetTimestamp();
        AppendResult? result = null;
        try
        {
            result = await store.Append(request with { Participants = participants }, cancel);
            if (trouble.IsOver(out var failures))
                LogRecovered(logger, failures);
        }
        catch (DbException e)
        {
            // Said once, and not by each of the many who meet it.
            if (trouble.Occurs())
                LogFailed(logger, e);
            throw;
        }
        finally
        {
            // Even if it failed: the answer may have been lost on its way, and the events be there. What was committed together
            // with others the tail may have read already, told of it by one of them.
            if (result is not AppendResult.Appended { Position: var last } || last > tail.Position)
                tail.Ring();
        }

        // Also if it was known: the answer to the append that brought it may have been lost.
        if (result is AppendResult.Appended)
            foreach (var participant in participants)
                participant.Committed();
        Measure(request, result, started, activity);
        return result;
    }

    private static AppendRequest Request(IReadOnlyList<StreamAppend> streams)
    {
        ArgumentNullException.ThrowIfNull(streams);
        if (streams.Sum(stream => stream.Events.Count) == 0)
            throw new ArgumentException("An append has at least one event.", nameof(streams));
        return new AppendRequest(streams);
    }

    private void Measure(AppendRequest request, AppendResult result, long started, Activity? activity)
    {
        var events = result is AppendResult.Appended { AlreadyKnown: false } ? request.Streams.Sum(stream => stream.Events.Count) : 0;
        Telemetry.Appended(Outcome(result), events, surroundings.Time.GetElapsedTime(started), activity);
    }

    private static string Outcome(AppendResult result) => result switch
    {
        AppendResult.Appended { AlreadyKnown: true } => "known",
        AppendResult.Appended => "appended",
        AppendResult.Conflict => "conflict",
        AppendResult.IdReused => "id-reused",
        _ => "answered",
    };

    /// <summary>Serialises events and fills in what their metadata leaves open: id, trace context, correlation.</summary>
    internal IReadOnlyList<EventData> Encode(
        IEnumerable<object> events, EventMetadata? metadata, Func<object, IReadOnlyList<Tag>>? tags = null)
    {
        var encoded = new List<EventData>();
        metadata ??= EventMetadata.None;
        foreach (var happened in events)
        {
            var id = surroundings.NewId();
            metadata = metadata with
            {
                TraceParent = metadata.TraceParent ?? Activity.Current?.Id,
                Correlation = metadata.Correlation ?? metadata.Causation ?? id.ToString(),
            };
            encoded.Add(types.Encode(happened, id, metadata, tags?.Invoke(happened) ?? []));
        }

        return encoded;
    }

    /// <summary>
    /// Reads what the tail has seen, from the tail itself or, further back, from the store. Everybody is bounded by the tail, so
    /// one look at the store's end per process serves all.
    /// </summary>
    internal async ValueTask<LogPage> ReadBelowTail(LogFilter filter, Position after, int limit, CancellationToken cancel)
    {
        var upTo = tail.Position;
        if (after >= upTo)
            return new LogPage([], after);

        var events = new List<RecordedEvent>();
        if (!tail.TryRead(after, limit, events))
            return await ReadStore(new(filter, after, upTo, limit), cancel);

        // The ring may have grown beyond the position taken before; what was copied is whole all the same.
        var next = events.Count < limit ? Position.Latest(upTo, Last(events)) : Last(events);
        if (filter is not LogFilter.All)
            events.RemoveAll(happened => !filter.Matches(happened));
        return new LogPage(events, next);

        Position Last(List<RecordedEvent> copied) => copied.Count == 0 ? after : copied[^1].Position;
    }

    private async ValueTask<LogPage> ReadStore(LogQuery query, CancellationToken cancel)
    {
        var page = await UnionRead.Read(query, store.Read, cancel);
        Bind(page.Events);
        return page;
    }

    private IReadOnlyList<RecordedEvent> Bind(IReadOnlyList<RecordedEvent> events)
    {
        foreach (var happened in events)
            happened.Types = types;
        return events;
    }

    [LoggerMessage(4, LogLevel.Error, "Appends fail; each is refused until the store works again.")]
    private static partial void LogFailed(ILogger logger, Exception e);

    [LoggerMessage(5, LogLevel.Information, "Events can be appended again, after {Failures} refused appends.")]
    private static partial void LogRecovered(ILogger logger, int failures);
}
