using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Headwater;

/// <summary>
/// Brings what another application commits into the log. On every node one is running; the one that holds the replication slot works,
/// and the others wait for it.
/// </summary>
internal sealed partial class PostgresSource : ISource, IAsyncDisposable, IDisposable
{
    private static readonly TimeSpan standby = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan lookInterval = TimeSpan.FromSeconds(5);

    private readonly PostgresSourceOptions options;
    private readonly PostgresDatabase database;
    private readonly ILogger logger;
    private readonly NpgsqlDataSource source;
    private readonly SourceSlot slot;
    private readonly SourceLag lag = new();
    private readonly Trouble trouble;
    private volatile Progress progress = new(SourceState.Starting, null);
    private bool warned;

    public PostgresSource(
        string name, PostgresSourceOptions options, NpgsqlConnectionStringBuilder settings, PostgresDatabase database, Surroundings surroundings,
        ILogger<PostgresSource> logger)
    {
        (Name, this.options, this.database, this.logger) = (name, options, database, logger);
        trouble = new Trouble(surroundings);
        source = new NpgsqlDataSourceBuilder(new NpgsqlConnectionStringBuilder(settings.ConnectionString) { MaxPoolSize = 3, MinPoolSize = 0 }.ConnectionString).Build();
        slot = new SourceSlot(name, options, settings, source, database);
    }

    public string Name { get; }

    public SourceStatus Status
    {
        get
        {
            var (state, failure) = progress;
            var (position, bytes, time, retained) = lag.At(database.Time.GetUtcNow());
            return new SourceStatus(Name, state, position, bytes, time, retained, failure);
        }
    }

    public Task Run(Log log, CancellationToken cancel) => Task.WhenAll(Work(log, cancel), Look(cancel));

    public ValueTask DisposeAsync() => source.DisposeAsync();

    public void Dispose() => source.Dispose();

    private async Task Work(Log log, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            TimeSpan pause;
            try
            {
                await Stream(log, cancel);
                pause = TimeSpan.Zero;
            }
            catch (Exception) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is SlotInUseException or PostgresException { SqlState: PostgresErrorCodes.ObjectInUse })
            {
                if (progress.State is not SourceState.Standby)
                    LogStandby(logger, Name, e.Message);
                (progress, pause) = (new(SourceState.Standby, e.Message), standby);
            }
            catch (Exception e) when (e is SourceStoppedException || e is PostgresException && !PostgresStoreException.Concerns(e))
            {
                // What an operator does about it is noticed by looking again; it is said once.
                var why = e is SourceStoppedException ? e.Message : $"Its server reports: {((PostgresException)e).MessageText} (SQLSTATE {((PostgresException)e).SqlState})";
                if (progress.Failure != why)
                    LogStopped(logger, e, Name, why);
                (progress, pause) = (new(SourceState.Stopped, why), lookInterval);
            }
            catch (Exception e)
            {
                if (trouble.Occurs())
                    LogRetrying(logger, e, Name);
                progress = new(SourceState.Retrying, "It cannot read or append just now; the log says why.");
                pause = trouble.Backoff;
            }

            await Task.Delay(pause, database.Time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    private async Task Stream(Log log, CancellationToken cancel)
    {
        await database.Open(cancel);
        var held = await slot.Take(cancel);
        await using var connection = held.Connection;
        lag.Handled(held.At.Lsn);
        var append = new SourceAppend(Name, database, log, PassOver);
        await new SourceStream(options, held, database.Time, new EventMapping(options, log.Options), append, PassOver, reached =>
        {
            lag.Handled(reached);

            if (trouble.IsOver(out var failures))
                LogRecovered(logger, Name, failures);
            else if (progress.State is not (SourceState.Live or SourceState.Retrying))
                LogLive(logger, Name, options.Slot!, reached);
            progress = new(SourceState.Live, null);
        }).Run(cancel);
    }

    private Change PassOver(Change change, string error, string content)
    {
        var where = string.Create(CultureInfo.InvariantCulture, $"The {(options.Table is null ? "message" : $"row of '{options.Table}'")} committed at {change.Commit} (number {change.Number} in its transaction) is no event: {error}");
        if (!options.SkipUnmappable)
            throw new SourceStoppedException($"{where} Correct the settings and start again, or set PostgresSourceOptions.SkipUnmappable to keep it in {database.QuotedSchema}.source_skipped and go on.");
        LogSkipped(logger, Name, where);
        return change.Skipped(error, content);
    }

    /// <summary>Looks now and then at what the server keeps for the slot, whether or not anybody reads from it.</summary>
    private async Task Look(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                var seen = await SlotState.Ask(source, database.Sql, options.Slot!, cancel);
                lag.Seen(seen, database.Time.GetUtcNow());
                var isMuch = seen.RetainedBytes > options.WarnRetainedBytes;
                if (isMuch && !warned)
                    LogRetained(logger, options.Slot!, Name, seen.RetainedBytes!.Value, options.WarnRetainedBytes);
                warned = isMuch;
            }
            catch (Exception e) when (e is NpgsqlException or OperationCanceledException or ObjectDisposedException)
            {
                // Whoever reads from it finds that out as well, and says it.
            }

            await Task.Delay(lookInterval, database.Time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    private sealed record Progress(SourceState State, string? Failure);

    [LoggerMessage(220, LogLevel.Error, "The source '{Name}' is stopped and looks again every few seconds. {Why}")]
    private static partial void LogStopped(ILogger logger, Exception e, string name, string why);

    [LoggerMessage(221, LogLevel.Warning, "The source '{Name}' cannot read or append; it tries again until it can.")]
    private static partial void LogRetrying(ILogger logger, Exception e, string name);

    [LoggerMessage(222, LogLevel.Error, "The source '{Name}' passed over something. {Where}")]
    private static partial void LogSkipped(ILogger logger, string name, string where);

    [LoggerMessage(223, LogLevel.Information, "The source '{Name}' reads from slot '{Slot}' at {Position}.")]
    private static partial void LogLive(ILogger logger, string name, string slot, NpgsqlLogSequenceNumber position);

    [LoggerMessage(224, LogLevel.Information, "The source '{Name}' stands by. {Why}")]
    private static partial void LogStandby(ILogger logger, string name, string why);

    [LoggerMessage(225, LogLevel.Warning, "The slot '{Slot}' of the source '{Name}' makes its server keep {Retained} bytes of write-ahead log, more than {Limit} (PostgresSourceOptions.WarnRetainedBytes). See what /health/detail says of the source; if it is given up, drop the slot.")]
    private static partial void LogRetained(ILogger logger, string slot, string name, long retained, long limit);

    [LoggerMessage(226, LogLevel.Information, "The source '{Name}' reads and appends again, after {Failures} failed attempts.")]
    private static partial void LogRecovered(ILogger logger, string name, int failures);
}
