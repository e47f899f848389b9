using System.Data.Common;
using System.Globalization;
using Headwater;

namespace Departures;

/// <summary>
/// Lets the real flights happen again. Every step is an ordinary command with an idempotency key of its own, and its event
/// names the step as its cause. So the log itself knows how far the replay had come, and a step whose answer was lost with the
/// process happens once all the same: no second truth is kept beside the log that could disagree with it. Where several nodes
/// share the log, each of them replays: whoever comes second gets the first one's answer, and follows the first one's clock.
/// </summary>
internal sealed partial class Replay(Decider<Flight, FlightEvent> flights, Log log, SimulatedClock clock, ILogger<Replay> logger)
    : BackgroundService
{
    private const string CausePrefix = "replay|";
    private const int PageSize = 512;

    private static readonly TimeSpan longestPause = TimeSpan.FromSeconds(30);

    private readonly IReadOnlyList<Step> script = Script.Of(RealFlight.ReadAll());
    private int next;
    private int furthest = -1;
    private Position heardTo;

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before the first request is taken, so that nobody ever sees the clock anywhere else.
        if (await LastTaken(cancellationToken) is { } last)
        {
            next = last + 1;
            clock.Set(script[last].At);
        }

        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (clock.StandsStill)
            return;
        try
        {
            await await Task.WhenAny(Play(stoppingToken), Hear(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The application stops; the next one goes on from the log.
        }
    }

    private async Task Play(CancellationToken cancel)
    {
        for (; next < script.Count; next++)
        {
            if (clock.RunTo(script[next].At) is { Ticks: > 0 } wait)
                await Task.Delay(wait, cancel);
            if (Volatile.Read(ref furthest) is var taken && taken >= next)
                clock.Set(script[next = taken].At);
            else
                await Take(next, cancel);
        }

        clock.RunTo(DateTimeOffset.MaxValue);
        LogOver(logger);
    }

    /// <summary>Hears from the log which steps are taken, by whatever node, so that one that is behind catches up.</summary>
    private async Task Hear(CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                await foreach (var page in log.Follow(new LogFilter.Category(flights.Category), heardTo, cancel))
                {
                    heardTo = page.Next;
                    if (page.Events.Max(happened => StepOf(happened.Metadata.Causation)) is { } step && step > furthest)
                        Volatile.Write(ref furthest, Math.Min(step, script.Count - 1));
                }
            }
            catch (DbException) when (!cancel.IsCancellationRequested)
            {
                // The steps say it; what was not heard meanwhile is heard later.
                await Task.Delay(longestPause, cancel);
            }
        }
    }

    private async Task Take(int number, CancellationToken cancel)
    {
        var step = script[number];
        var cause = string.Create(CultureInfo.InvariantCulture, $"{CausePrefix}{number}");
        var context = new CommandContext
        {
            IdempotencyKey = new(cause, $"{step}"),
            Metadata = new() { Causation = cause },
        };

        for (var failures = 0; ; failures++)
        {
            try
            {
                // A refusal is passed over: somebody has cancelled the flight, or sent it off before us.
                if (await flights.Execute(step.Flight, step.Command, context, cancel) is not CommandResult<Flight>.Contended)
                    return;
            }
            catch (Exception e) when (!cancel.IsCancellationRequested)
            {
                if (failures == 0)
                    LogFailed(logger, e, number);
            }

            var pause = TimeSpan.FromSeconds(Math.Pow(2, Math.Min(failures, 10)) / 4);
            await Task.Delay(pause < longestPause ? pause : longestPause, cancel);
        }
    }

    /// <summary>Looks for the newest step in the log, page by page from its end.</summary>
    private async ValueTask<int?> LastTaken(CancellationToken cancel)
    {
        heardTo = (await log.Head(cancel)).Position;
        for (var end = heardTo.Value; end > 0; end -= PageSize)
        {
            var page = await log.Read(LogFilter.Everything, new Position(Math.Max(0, end - PageSize)), PageSize, cancel);
            if (page.Events.Select(happened => StepOf(happened.Metadata.Causation)).LastOrDefault(step => step is not null) is { } step)
                return Math.Min(step, script.Count - 1);
        }

        return null;
    }

    private static int? StepOf(string? cause) =>
        cause?.StartsWith(CausePrefix, StringComparison.Ordinal) is true
        && int.TryParse(cause.AsSpan(CausePrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : null;

    [LoggerMessage(1, LogLevel.Error, "Step {Step} of the replay failed; it is tried again until it succeeds, and time stands still so long.")]
    private static partial void LogFailed(ILogger logger, Exception e, int step);

    [LoggerMessage(2, LogLevel.Information, "The replay is over: all flights of the quarter have arrived. Delete the data to see it again.")]
    private static partial void LogOver(ILogger logger);
}
