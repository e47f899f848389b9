namespace Headwater.Simulation;

/// <summary>Resumes with the next event's cursor: as if "after" included it.</summary>
internal sealed class OffByOne : PlantedBug
{
    public override string Resume(string cursor) => Cursor.TryParse(cursor, out var at)
        ? new Cursor(at.Epoch, new Position(at.Position.Value + 1), [.. at.Views]).ToString()
        : cursor;
}
