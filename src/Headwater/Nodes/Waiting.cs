using System.Runtime.CompilerServices;

namespace Headwater;

/// <summary>Waits that end one way only.</summary>
internal static class Waiting
{
    /// <summary>Waits until a task is over, however it ends; what follows runs where the loop that waits does.</summary>
    public static ConfiguredTaskAwaitable Quietly(this Task task) =>
        task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
}
