using System.Data.Common;

namespace Headwater;

/// <summary>Turns events into keyed rows that Headwater stores as JSON.</summary>
/// <typeparam name="TRow">A row.</typeparam>
public interface IProjection<TRow>
    where TRow : class
{
    /// <summary>Changes the rows an event concerns. It must depend on nothing but the event and the rows.</summary>
    ValueTask Apply(RecordedEvent happened, Rows<TRow> rows, CancellationToken cancel);
}

/// <summary>Turns events into SQL tables of its own, in the transaction that also moves its checkpoint.</summary>
public interface ISqlProjection
{
    /// <summary>Creates its tables if they are not there. Called at every start.</summary>
    ValueTask Create(DbTransaction transaction, CancellationToken cancel);

    /// <summary>Writes what an event changes. Statements run on the transaction's connection; it commits for you.</summary>
    ValueTask Apply(RecordedEvent happened, DbTransaction transaction, CancellationToken cancel);

    /// <summary>Empties its tables, so that they can be built again from zero.</summary>
    ValueTask Clear(DbTransaction transaction, CancellationToken cancel);
}
