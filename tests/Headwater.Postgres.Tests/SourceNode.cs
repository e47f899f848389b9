using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Headwater.Postgres.Tests;

/// <summary>A node that takes over events from a database, as an application has one.</summary>
internal sealed class SourceNode : IAsyncDisposable
{
    public const string Source = "legacy-outbox";
    public const string Slot = "headwater_legacy_outbox";

    private static readonly TimeSpan bound = TimeSpan.FromSeconds(60);

    private readonly IHost host;
    private int disposed;

    private SourceNode(IHost host, LogLines lines) => (this.host, Lines) = (host, lines);

    public Log Log => host.Services.GetRequiredService<Log>();

    public SourceStatus Status => host.Services.GetRequiredService<ISource>().Status;

    /// <summary>What it logged as a warning or worse.</summary>
    public LogLines Lines { get; }

    public static async Task<SourceNode> Start(
        string log, string source, Action<PostgresSourceOptions>? configure = null, Action<HeadwaterBuilder>? more = null)
    {
        var lines = new LogLines();
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddProvider(lines);
        builder.Services.AddHeadwater(headwater =>
        {
            headwater.UsePostgres(log + "Maximum Pool Size=10").AddPostgresSource(Source, options =>
            {
                options.ConnectionString = source;
                configure?.Invoke(options);
                if (options.MessagePrefix is null)
                    options.Table ??= "outbox";
            });
            more?.Invoke(headwater);
        });
        var node = new SourceNode(builder.Build(), lines);
        await node.host.StartAsync(TestContext.Current.CancellationToken);
        return node;
    }

    /// <summary>Waits for the source to be in a state, and says what it shows then.</summary>
    public async Task<SourceStatus> Reaches(SourceState state)
    {
        await Soon.Is(() => Status.State == state, () => $"{state} expected, and it is {Status}: {string.Join("; ", Lines.Seen)}");
        return Status;
    }

    /// <summary>Waits until the log has so many events, and reads them.</summary>
    public async Task<IReadOnlyList<RecordedEvent>> Events(int count)
    {
        var events = new List<RecordedEvent>();
        using var timeUp = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeUp.CancelAfter(bound);
        try
        {
            await foreach (var page in Log.Follow(LogFilter.Everything, Position.Start, timeUp.Token))
            {
                events.AddRange(page.Events);
                if (events.Count >= count)
                    break;
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"{count} events expected, and there are {events.Count}; {Status}: {string.Join("; ", Lines.Seen)}");
        }

        Assert.Equal(count, events.Count);
        return events;
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
            return;
        await host.StopAsync(CancellationToken.None);
        if (host is IAsyncDisposable disposable)
            await disposable.DisposeAsync();
    }
}

/// <summary>Keeps what is logged as a warning or worse.</summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> seen = new();

    public IReadOnlyCollection<string> Seen => seen;

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
            seen.Enqueue($"{logLevel}: {formatter(state, exception)} {exception?.GetType().Name} {exception?.Message}");
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Dispose()
    {
    }
}

/// <summary>Waits for a condition, within a bound.</summary>
internal static class Soon
{
    public static async Task Is(Func<bool> isSo, Func<string>? otherwise = null) => await Is(() => Task.FromResult(isSo()), otherwise);

    public static async Task Is(Func<Task<bool>> isSo, Func<string>? otherwise = null)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        var started = TimeProvider.System.GetTimestamp();
        while (!await isSo())
        {
            if (TimeProvider.System.GetElapsedTime(started) > TimeSpan.FromSeconds(60))
                Assert.Fail(otherwise?.Invoke() ?? "It did not come about within a minute.");
            await pause.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }
}

/// <summary>An inline projection into a table of its own.</summary>
internal sealed class Types : ISqlProjection
{
    public ValueTask Create(DbTransaction transaction, CancellationToken cancel) => Run(transaction, "CREATE TABLE IF NOT EXISTS types (type text)", cancel);

    public ValueTask Apply(RecordedEvent happened, DbTransaction transaction, CancellationToken cancel) =>
        Run(transaction, $"INSERT INTO types VALUES ('{happened.Type}')", cancel);

    public ValueTask Clear(DbTransaction transaction, CancellationToken cancel) => Run(transaction, "DELETE FROM types", cancel);

    private static async ValueTask Run(DbTransaction transaction, string sql, CancellationToken cancel)
    {
        await using var command = transaction.Connection!.CreateCommand();
        (command.CommandText, command.Transaction) = (sql, transaction);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
