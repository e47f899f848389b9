namespace Headwater.Bench;

/// <summary>Callers who append at once, each waiting for one append before the next.</summary>
internal static class Callers
{
    public static Task Append(int callers, int first, int last, Func<int, Task> append) => Task.WhenAll(
        Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            for (var i = first + caller; i < last; i += callers)
                await append(i);
        })));
}
