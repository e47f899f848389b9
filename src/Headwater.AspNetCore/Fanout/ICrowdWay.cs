using System.IO.Pipelines;

namespace Headwater.AspNetCore;

/// <summary>How a crowd writes to one client without waiting for it.</summary>
internal interface ICrowdWay
{
    /// <summary>Writes at once, or as much as goes at once.</summary>
    /// <returns>Whether nothing is left to <see cref="Finish"/>.</returns>
    bool Send(CrowdText text);

    /// <summary>Writes the rest.</summary>
    /// <exception cref="OperationCanceledException">The client has gone, or does not take it.</exception>
    Task Finish(CancellationToken cancel);
}

/// <summary>The way that always works: through the response's body.</summary>
internal sealed class BodyWay(PipeWriter body) : ICrowdWay
{
    private Task<FlushResult>? flushing;

    public bool Send(CrowdText text)
    {
        // A flush that is done gives a task that is kept ready, so this costs nothing.
        var flush = body.WriteAsync(text.Plain).AsTask();
        if (flush is { IsCompletedSuccessfully: true, Result.IsCompleted: false })
            return true;
        flushing = flush;
        return false;
    }

    public async Task Finish(CancellationToken cancel)
    {
        if (flushing is not { } last)
            return;
        flushing = null;
        if ((await last.WaitAsync(cancel)).IsCompleted)
            throw new OperationCanceledException("The client has gone.");
    }
}
