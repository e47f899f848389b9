using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Headwater.Postgres.Faults;

/// <summary>Keeps what Headwater logs in a node, from information upwards, for the tests that count it.</summary>
internal sealed class LogLines : ILoggerProvider
{
    private readonly ConcurrentQueue<(string Logger, string Line)> lines = new();

    public IReadOnlyCollection<(string Logger, string Line)> All => lines;

    public ILogger CreateLogger(string categoryName) =>
        categoryName.StartsWith("Headwater", StringComparison.Ordinal) ? new Keeping(categoryName, lines) : NullLogger.Instance;

    public void Dispose()
    {
    }

    private sealed class Keeping(string name, ConcurrentQueue<(string, string)> into) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                into.Enqueue((name, $"{logLevel}: {formatter(state, exception)} {exception?.Message}"));
        }
    }
}
