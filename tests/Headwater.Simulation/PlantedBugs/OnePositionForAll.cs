namespace Headwater.Simulation;

/// <summary>Keeps the log's position alone, though read models lag behind it.</summary>
internal sealed class OnePositionForAll : PlantedBug
{
    public override string Resume(string cursor) => cursor.Split('~')[0];
}
