using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Headwater.AspNetCore;

/// <summary>Why a connection ends although client and server would go on.</summary>
/// <param name="Reason">Its name in metrics.</param>
/// <param name="Problem">What the client is told, without an id; null if it may simply come back at its cursor.</param>
internal sealed record LifeEnd(string Reason, Problem? Problem)
{
    public static LifeEnd Expired { get; } = new("expired", null);

    public static LifeEnd Revoked { get; } = new("revoked", new Problem(
        StatusCodes.Status403Forbidden, "forbidden", "Not allowed any more", "The right to follow this was taken away. Sign in again."));

    public static LifeEnd Forbidden(Problem problem) => new("forbidden", problem);

    public static LifeEnd Unknown { get; } = new("rule-failed", Problem.Unavailable("Whether you may follow this cannot be found out just now."));
}

/// <summary>
/// How long a client may be served: until its sign-in expires, which it is told some time before, until its user is revoked, or until
/// the rules of its feeds, which are asked again from time to time, say no. Every transport that keeps a client waiting has one.
/// </summary>
internal sealed partial class ConnectionLife : IDisposable
{
    /// <summary>What a client that is ended has left to take its last bytes.</summary>
    public static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan askingAtMost = TimeSpan.FromSeconds(30);

    // Timers take no longer times than 49 days.
    private static readonly TimeSpan longestTimer = TimeSpan.FromDays(1);

    private readonly Lock gate = new();
    private readonly Node node;
    private readonly Func<CancellationToken, ValueTask> askAgain;
    private readonly ILogger logger;
    private readonly Pulse changed = new();
    private readonly CancellationTokenSource over = new();
    private readonly DateTimeOffset? expiresAt;
    private readonly IDisposable watch;
    private readonly ITimer? timer;
    private DateTimeOffset? warnAt;
    private DateTimeOffset? askAt;
    private bool shouldWarn;
    private LifeEnd? end;
    private Action? atEnd;
    private bool disposed;

    /// <param name="node">Time and options.</param>
    /// <param name="revocation">Tells when the user is revoked.</param>
    /// <param name="caller">Who is served.</param>
    /// <param name="askAgain">Asks the rules again; throws a <see cref="ProblemException"/> if they say no. Null if they cannot.</param>
    /// <param name="logger">Told of rules that fail.</param>
    public ConnectionLife(Node node, FeedRevocation revocation, Caller caller, Func<CancellationToken, ValueTask>? askAgain, ILogger logger)
    {
        this.node = node;
        this.logger = logger;
        this.askAgain = askAgain ?? (_ => ValueTask.CompletedTask);
        Over = over.Token;
        expiresAt = caller.ExpiresAt;
        warnAt = expiresAt - node.Options.ExpiryWarning;
        askAt = askAgain is null ? null : NextAsking();
        watch = revocation.Watch(caller.User, () => Finish(LifeEnd.Revoked));
        if (expiresAt is null && askAt is null)
            return;
        timer = node.Time.CreateTimer(_ => Tick(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Tick();
    }

    /// <summary>Completes when there is something new: a warning or the end. Take it before looking.</summary>
    public Task Changed => changed.Next;

    /// <summary>Cancelled at the end.</summary>
    public CancellationToken Over { get; }

    /// <summary>Called in the moment of the end, before anybody is told of it.</summary>
    public Action? AtEnd
    {
        set
        {
            lock (gate)
                atEnd = value;
        }
    }

    /// <summary>Why it is over, if it is.</summary>
    public LifeEnd? End => Volatile.Read(ref end);

    /// <summary>How much of it is left, if it is known.</summary>
    public TimeSpan? Left => expiresAt - node.Time.GetUtcNow();

    /// <summary>Whether the client must be told now that its sign-in expires; true once.</summary>
    public bool TakeWarning(out DateTimeOffset expires)
    {
        lock (gate)
        {
            expires = expiresAt.GetValueOrDefault();
            var take = shouldWarn;
            shouldWarn = false;
            return take;
        }
    }

    public void Dispose()
    {
        lock (gate)
            disposed = true;
        watch.Dispose();
        timer?.Dispose();
        over.Dispose();
    }

    private void Tick()
    {
        var (ask, expired) = (false, false);
        lock (gate)
        {
            if (disposed || end is not null)
                return;
            var now = node.Time.GetUtcNow();
            expired = expiresAt <= now;
            if (warnAt <= now)
            {
                warnAt = null;
                shouldWarn = true;
                changed.Beat();
            }

            if (askAt <= now)
            {
                askAt = null;
                ask = true;
            }

            Arm(now);
        }

        if (expired)
            Finish(LifeEnd.Expired);
        else if (ask)
            _ = Ask();
    }

    private async Task Ask()
    {
        try
        {
            await askAgain(Over).AsTask().WaitAsync(askingAtMost, node.Time, Over);
            lock (gate)
            {
                if (disposed)
                    return;
                askAt = NextAsking();
                Arm(node.Time.GetUtcNow());
            }
        }
        catch (ProblemException refused)
        {
            Finish(LifeEnd.Forbidden(refused.Problem));
        }
        catch (OperationCanceledException) when (end is not null || disposed)
        {
            // It ended while the rules were asked.
        }
        catch (Exception e)
        {
            // Not to know must not mean yes.
            LogRuleFailed(logger, e);
            Finish(LifeEnd.Unknown);
        }
    }

    private void Finish(LifeEnd why)
    {
        lock (gate)
        {
            if (disposed || end is not null)
                return;
            Volatile.Write(ref end, why);
            atEnd?.Invoke();
            changed.Beat();
            _ = over.CancelAsync();
        }
    }

    /// <summary>Connections that came together are not asked about together.</summary>
    private DateTimeOffset? NextAsking() => node.Options.RecheckRules is { Ticks: > 0 } period
        ? node.Time.GetUtcNow() + period - node.Jitter(period / 10)
        : null;

    private void Arm(DateTimeOffset now)
    {
        if (new[] { expiresAt, warnAt, askAt }.Min() is not { } next || disposed)
            return;
        var due = next - now;
        timer?.Change(due <= TimeSpan.Zero ? TimeSpan.Zero : due < longestTimer ? due : longestTimer, Timeout.InfiniteTimeSpan);
    }

    [LoggerMessage(61, LogLevel.Error, "The rule of a live feed connection failed, so the connection ends; its client comes back and is asked about again.")]
    private static partial void LogRuleFailed(ILogger logger, Exception e);
}
