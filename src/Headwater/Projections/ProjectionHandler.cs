using System.Text.Json.Serialization.Metadata;

namespace Headwater;

/// <summary>Reads a row's JSON by read model and key.</summary>
internal delegate ValueTask<ReadOnlyMemory<byte>?> RowReader(string key, CancellationToken cancel);

/// <summary>What a projection makes of a batch of events: a commit, for the store to carry out in one transaction.</summary>
internal abstract class ProjectionHandler
{
    /// <summary>Throws <see cref="EventHandlingException"/> at the event that cannot be handled.</summary>
    public abstract ValueTask<ProjectionCommit> Work(
        ProjectionCommit empty, IReadOnlyList<RecordedEvent> events, RowReader read, CancellationToken cancel);

    public virtual ISqlProjection? Tables => null;
}

internal sealed class RowsHandler<TRow>(IProjection<TRow> projection, JsonTypeInfo<TRow> json) : ProjectionHandler
    where TRow : class
{
    public override async ValueTask<ProjectionCommit> Work(
        ProjectionCommit empty, IReadOnlyList<RecordedEvent> events, RowReader read, CancellationToken cancel)
    {
        var rows = new Rows<TRow>((key, stop) => read(key, stop), json);
        foreach (var happened in events)
        {
            rows.Begin(happened.Position);
            try
            {
                await projection.Apply(happened, rows, cancel);
            }
            catch (Exception e) when (!cancel.IsCancellationRequested && !rows.StoreFailed)
            {
                throw new EventHandlingException(happened, e);
            }
        }

        try
        {
            return empty with { Rows = rows.Changes() };
        }
        catch (UnwritableRowException e)
        {
            throw new EventHandlingException(events.First(happened => happened.Position == e.ChangedAt), e);
        }
    }
}

internal sealed class TablesHandler(ISqlProjection projection) : ProjectionHandler
{
    public override ISqlProjection Tables => projection;

    public override ValueTask<ProjectionCommit> Work(
        ProjectionCommit empty, IReadOnlyList<RecordedEvent> events, RowReader read, CancellationToken cancel) =>
        ValueTask.FromResult(empty with
        {
            Tables = async (transaction, stop) =>
            {
                foreach (var happened in events)
                {
                    try
                    {
                        await projection.Apply(happened, transaction, stop);
                    }
                    catch (Exception e) when (!stop.IsCancellationRequested)
                    {
                        throw new EventHandlingException(happened, e);
                    }
                }
            },
        });
}
