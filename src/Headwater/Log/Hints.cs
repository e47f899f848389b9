using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>
/// Tells other processes that something happened here: one hint for all that happens while the one before is under way. It holds up
/// nobody, and what it cannot tell the others find by their slow poll.
/// </summary>
internal sealed partial class Hints(
    IBroadcastSignal signal, IReadOnlyList<Func<Task>> causes, HeadwaterOptions options, Surroundings surroundings, ILogger<Hints> logger)
{
    private readonly Trouble trouble = new(surroundings);

    public async Task Run(CancellationToken cancel)
    {
        var something = Next();
        while (true)
        {
            await something.WaitAsync(cancel).Quietly();
            if (cancel.IsCancellationRequested)
                return;

            // Taken before the hint, so that what happens while it is under way has another.
            something = Next();
            try
            {
                using var limit = new CancellationTokenSource(options.PollInterval, surroundings.Time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
                await signal.Ring(either.Token);
                if (trouble.IsOver(out var failures))
                    LogRecovered(logger, failures);
            }
            catch (Exception e) when (!cancel.IsCancellationRequested)
            {
                if (trouble.Occurs())
                    LogFailed(logger, e);
                await surroundings.Delay(trouble.Backoff, cancel).Quietly();
            }
            catch (Exception) when (cancel.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private Task<Task> Next() => Task.WhenAny(causes.Select(cause => cause()));

    [LoggerMessage(90, LogLevel.Warning, "Other processes cannot be told that something happened; they find it by polling.")]
    private static partial void LogFailed(ILogger logger, Exception e);

    [LoggerMessage(91, LogLevel.Information, "Other processes are told again, after {Failures} failed attempts.")]
    private static partial void LogRecovered(ILogger logger, int failures);
}
