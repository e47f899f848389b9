using Microsoft.Extensions.Logging;
using static Headwater.Postgres.Tests.Words;

namespace Headwater.Postgres.Tests;

/// <summary>Readers wait for those who append, are told for whom, and wait for nobody else.</summary>
public sealed class WatermarkTests : IAsyncLifetime
{
    private readonly TestSchema schema = new();
    private readonly Remarks remarks = new();
    private PostgresDatabase? opened;

    private PostgresDatabase Database => opened!;

    public async ValueTask InitializeAsync()
    {
        opened = await schema.Open(loggers: remarks);
        await opened.Open(Cancel);
    }

    public ValueTask DisposeAsync() => schema.DisposeAsync();

    [Fact]
    public async Task An_event_is_read_only_when_all_below_it_are_settled()
    {
        await using var slow = await schema.Connect();
        await schema.Run(slow, "BEGIN; SELECT {schema}.append('order-slow', 0, 'opened', '{}')");
        var above = (await Database.Happen("fast")).Position;

        Assert.Empty(await Database.ReadAll());
        var head = await Database.Log.Head(Cancel);
        Assert.Equal((Position.Start, above), (head.Position, head.Issued));

        await schema.Run(slow, "COMMIT");
        Assert.Equal(["order-slow", "order-fast"], (await Database.ReadAll()).Select(happened => happened.Stream.ToString()));
        Assert.Equal(above, (await Database.Log.Head(Cancel)).Position);
    }

    /// <summary>One who read the last position, and announces it when others have long used it, takes nothing back.</summary>
    [Fact]
    public async Task A_late_announcement_does_not_turn_readers_back()
    {
        await Database.Happen();
        var before = await Database.Log.Head(Cancel);
        await using var late = await schema.Connect();
        await schema.Run(late, "BEGIN; SELECT pg_advisory_xact_lock_shared((SELECT store::bigint << 48 FROM {schema}.meta))");

        Assert.Equal(before.Position, (await Database.Log.Head(Cancel)).Position);
        Assert.Equal(Position.Start, (await (await schema.Open()).Log.Head(Cancel)).Position);
    }

    /// <summary>A crash may hand out again what was drawn in vain, so nobody may be told to have read so far.</summary>
    [Fact]
    public async Task Positions_drawn_in_vain_are_not_counted_as_read()
    {
        var last = (await Database.Happen()).Position;
        await schema.Run("BEGIN; SELECT {schema}.append('order-1', -1, 'opened', '{}'); ROLLBACK");

        Assert.Equal(last, (await Database.Log.Head(Cancel)).Position);
        Assert.Equal(last, (await Database.Log.Read(new(LogFilter.Everything, Position.Start, Position.Max, 10), Cancel)).Next);
    }

    [Fact]
    public async Task A_session_that_keeps_readers_waiting_is_named_once_and_its_time_out_ends_it()
    {
        await using var culprit = await schema.Connect();
        await schema.Run(culprit, "SET application_name = 'forgetful'; SET headwater.append_timeout = '2500ms'");
        await schema.Run(culprit, "BEGIN; SELECT {schema}.append('order-slow', 0, 'opened', '{}')");
        await Database.Happen("fast");

        await Until(async () => await Looked() is not null);
        var holder = Database.Watermark.Status.Holder!;
        Assert.Equal((culprit.ProcessID, "forgetful", "idle in transaction"), (holder.Pid, holder.Application, holder.State));
        Assert.True(holder.Age > TimeSpan.FromSeconds(1));

        // The server ends the transaction, and the reader goes on without it.
        await Until(async () => await Looked() is null && (await Database.ReadAll()).Count == 1);
        var said = Assert.Single(remarks.Said, line => line.StartsWith("Warning", StringComparison.Ordinal));
        Assert.Contains($"pid {culprit.ProcessID} ('forgetful', idle in transaction)", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prepared_transaction_that_was_forgotten_is_named()
    {
        var name = $"forgotten {schema.Name}";
        await schema.Run($"BEGIN; SELECT {{schema}}.append('order-slow', 0, 'opened', '{{}}'); PREPARE TRANSACTION '{name}'");
        try
        {
            await Database.Happen("fast");
            await Until(async () => await Looked() is not null);

            Assert.Equal((null, name), (Database.Watermark.Status.Holder!.Pid, Database.Watermark.Status.Holder.Prepared));
        }
        finally
        {
            await schema.Run($"ROLLBACK PREPARED '{name}'");
        }
    }

    [Fact]
    public async Task Many_who_ask_at_once_share_a_look()
    {
        await Database.Happen();
        var looks = Enumerable.Range(0, 500).Select(_ => Database.Watermark.Look(Cancel)).ToList();
        await Task.WhenAll(looks);

        Assert.InRange(Database.Watermark.Looks, 1, 3);
    }

    [Fact]
    public async Task Nobody_is_told_where_nobody_else_listens()
    {
        var told = new List<string>();
        await using var bystander = await schema.Connect();
        bystander.Notification += (_, notification) => told.Add(notification.Payload);
        await schema.Run(bystander, $"LISTEN {Bell.NameOf(Database)}");
        await Database.Signal.Wait(Cancel);
        await Database.Happen();
        await Until(async () => await schema.Run("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle' AND query LIKE 'SELECT set_config%{schema}%'") is > 0L);

        await schema.Run(bystander, "SELECT pg_advisory_lock_shared(-store, 2) FROM {schema}.meta");
        await Database.Happen();
        await bystander.WaitAsync(Cancel);

        Assert.Equal([Database.Bell.Payload], told);
    }

    [Fact]
    public async Task Another_nodes_append_wakes_who_listens()
    {
        var other = await schema.Open();
        await Database.Signal.Wait(Cancel);
        var woken = Database.Signal.Wait(Cancel).AsTask();
        await other.Happen();
        await woken.WaitAsync(TimeSpan.FromSeconds(10), Cancel);

        var own = Database.Signal.Wait(Cancel).AsTask();
        await Database.Happen();
        await other.Happen();
        await own.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
    }

    private async ValueTask<WatermarkHolder?> Looked()
    {
        await Database.Watermark.Look(Cancel);
        return Database.Watermark.Status.Holder;
    }
}

/// <summary>Keeps what is logged.</summary>
internal sealed class Remarks : ILoggerFactory, ILogger
{
    private readonly List<string> said = [];

    public IReadOnlyList<string> Said
    {
        get
        {
            lock (said)
                return [.. said];
        }
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (said)
            said.Add($"{logLevel}: {formatter(state, exception)}");
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }
}
