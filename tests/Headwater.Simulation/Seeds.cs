using System.Collections.Concurrent;

namespace Headwater.Simulation;

/// <summary>Runs worlds on a few threads; each world has one thread of its own.</summary>
internal static class Seeds
{
    /// <returns>The violations, by seed.</returns>
    public static IReadOnlyList<Violation> Run(IEnumerable<int> seeds, Action<int> run, Action<int>? progress = null)
    {
        var left = new ConcurrentQueue<int>(seeds);
        var violations = new ConcurrentBag<Violation>();
        var done = 0;
        var unexpected = new ConcurrentBag<Exception>();
        var workers = Enumerable.Range(0, Math.Max(2, Environment.ProcessorCount)).Select(_ => new Thread(() =>
        {
            while (left.TryDequeue(out var seed))
            {
                try
                {
                    run(seed);
                }
                catch (Violation violation)
                {
                    violations.Add(violation);
                }
                catch (Exception e)
                {
                    unexpected.Add(new InvalidOperationException($"Seed {seed} ended with an exception.", e));
                }

                progress?.Invoke(Interlocked.Increment(ref done));
            }
        })).ToList();
        workers.ForEach(worker => worker.Start());
        workers.ForEach(worker => worker.Join());
        return unexpected.IsEmpty ? [.. violations.OrderBy(violation => violation.Seed)] : throw new AggregateException(unexpected);
    }
}
