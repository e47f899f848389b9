using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>Forgets deleted rows once no client that comes back can need them.</summary>
internal sealed partial class Tombstones(
    IEnumerable<Projection> projections, Log log, HeadwaterOptions options, Surroundings surroundings,
    ILogger<Tombstones> logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    public async Task Run(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            await surroundings.Delay(Interval, cancel).Quietly();
            try
            {
                if (!cancel.IsCancellationRequested)
                    await Trim(cancel);
            }
            catch (Exception) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                LogFailed(logger, e);
            }
        }
    }

    public async ValueTask Trim(CancellationToken cancel)
    {
        var upTo = await LastBefore(surroundings.Time.GetUtcNow() - options.TombstoneRetention, cancel);
        foreach (var projection in projections)
            await projection.Database.Rows.TrimTombstones(projection.Name, upTo, cancel);
    }

    /// <summary>Finds by bisection the place of the last event recorded before an instant.</summary>
    private async ValueTask<Position> LastBefore(DateTimeOffset instant, CancellationToken cancel)
    {
        var (low, high) = (0L, (await log.Head(cancel)).Position.Value);
        while (low < high)
        {
            var middle = low + (high - low) / 2;
            var page = await log.Read(LogFilter.Everything, new Position(middle), 1, cancel);
            if (page.Events.Count == 0 || page.Events[0].RecordedAt >= instant)
                high = middle;
            else
                low = page.Events[0].Position.Value;
        }

        return new Position(low);
    }

    [LoggerMessage(20, LogLevel.Warning, "Deleted rows could not be trimmed; it is tried again in an hour.")]
    private static partial void LogFailed(ILogger logger, Exception e);
}
