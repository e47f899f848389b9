using System.Collections.Concurrent;

namespace Headwater.Postgres.Faults;

/// <summary>What the writers were told of their events.</summary>
internal sealed class Ledger
{
    private readonly ConcurrentDictionary<Guid, bool> acknowledged = [];
    private readonly ConcurrentDictionary<Guid, bool> rolledBack = [];
    private readonly ConcurrentQueue<Exception> failures = new();

    public ICollection<Guid> Acknowledged => acknowledged.Keys;

    public ICollection<Guid> RolledBack => rolledBack.Keys;

    /// <summary>Appends that threw; whether their events are in the log is not known.</summary>
    public IReadOnlyCollection<Exception> Failures => failures;

    public void Acknowledge(IEnumerable<Guid> ids)
    {
        foreach (var id in ids)
            acknowledged[id] = true;
    }

    public void RollBack(IEnumerable<Guid> ids)
    {
        foreach (var id in ids)
            rolledBack[id] = true;
    }

    public void Fail(Exception e) => failures.Enqueue(e);
}
