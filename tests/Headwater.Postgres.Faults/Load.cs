namespace Headwater.Postgres.Faults;

/// <summary>Eight writers on two nodes, who go on whatever they meet.</summary>
internal sealed class Load : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly Ledger ledger = new();
    private readonly Task writing;

    public Load(Log one, Log two) => writing = Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() =>
        Writers.ThroughTheLibrary(i % 2 == 0 ? one : two, $"writer-{i}", new Random(i), ledger, stop.Token))));

    /// <summary>How many appends were refused with these words.</summary>
    public int Failures(string of) => ledger.Failures.Count(failure => failure.Message.Contains(of, StringComparison.Ordinal));

    /// <summary>Waits until so many more appends are refused with these words.</summary>
    public async Task Meets(int more, string words)
    {
        var before = Failures(words);
        await Soon.Is(() => Failures(words) >= before + more, $"appends are refused with '{words}', and not only with '{ledger.Failures.LastOrDefault()?.Message}'");
    }

    /// <summary>Waits until so many more events are acknowledged.</summary>
    public async Task GoesOn(int more)
    {
        var before = ledger.Acknowledged.Count;
        await Soon.Is(() => ledger.Acknowledged.Count >= before + more, "appends go on");
    }

    public async Task<Ledger> Stop()
    {
        await stop.CancelAsync();
        await writing;
        return ledger;
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stop.Dispose();
    }
}
