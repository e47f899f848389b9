namespace Headwater.AspNetCore.Tests;

/// <summary>Few words to wait with.</summary>
internal static class Words
{
    /// <summary>Asks again and again until it is so. Fails after a time.</summary>
    public static async Task Until(Func<ValueTask<bool>> isSo)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        while (!await isSo())
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    public static Task Until(Func<bool> isSo) => Until(() => ValueTask.FromResult(isSo()));
}
