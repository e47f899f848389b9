namespace Headwater;

/// <summary>Lets those who want the same thing work on it one after the other, in the order in which they came.</summary>
/// <param name="waking">How those in line are woken; see <see cref="Surroundings.Waking"/>.</param>
internal sealed class Turns<T>(TaskCreationOptions waking)
    where T : notnull
{
    private readonly Lock gate = new();
    private readonly Dictionary<T, Queue<TaskCompletionSource>> lines = [];

    /// <summary>Whether somebody works on it or waits to.</summary>
    public bool AreTaken(T thing)
    {
        lock (gate)
            return lines.ContainsKey(thing);
    }

    /// <summary>Completes when it is the caller's turn, which ends with <see cref="Leave"/>. The wait cannot be given up.</summary>
    public Task Wait(T thing)
    {
        lock (gate)
        {
            if (!lines.TryGetValue(thing, out var line))
            {
                lines[thing] = [];
                return Task.CompletedTask;
            }

            var turn = new TaskCompletionSource(waking);
            line.Enqueue(turn);
            return turn.Task;
        }
    }

    public void Leave(T thing)
    {
        TaskCompletionSource? next;
        lock (gate)
            if (!lines[thing].TryDequeue(out next))
                lines.Remove(thing);
        next?.SetResult();
    }
}
