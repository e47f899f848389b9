using System.Diagnostics;
using static Headwater.Postgres.Tests.Words;

namespace Headwater.Postgres.Tests;

/// <summary>Appends that are committed together do not wait for each other's streams.</summary>
public sealed class GroupCommitTests : IAsyncLifetime
{
    private readonly TestSchema schema = new();
    private PostgresDatabase? opened;

    public async ValueTask InitializeAsync()
    {
        opened = await schema.Open();
        await opened.Open(Cancel);
    }

    public ValueTask DisposeAsync() => schema.DisposeAsync();

    [Fact]
    public async Task Those_whose_stream_somebody_holds_keep_no_others_waiting()
    {
        using var timeUp = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        timeUp.CancelAfter(TimeSpan.FromSeconds(20));
        await using var holder = await schema.Connect();
        await schema.Run(holder, "BEGIN; SELECT {schema}.append('order-held', -1, 'opened', '{}')");
        var waiting = new List<Task>();
        while (waiting.Count < 4)
        {
            waiting.Add(opened!.Happen("held").AsTask());
            while (await schema.Run("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") is long count && count < waiting.Count)
                timeUp.Token.ThrowIfCancellationRequested();
        }

        var clock = Stopwatch.StartNew();
        for (var i = 0; i < 5; i++)
            await opened!.Happen("free");

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"It took {clock.Elapsed}.");
        Assert.All(waiting, append => Assert.False(append.IsCompleted));
        await schema.Run(holder, "COMMIT");
        await Task.WhenAll(waiting);
    }
}
