namespace Headwater.Bench;

/// <summary>A folder that goes when the measurement is done.</summary>
internal sealed class Scratch : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("headwater-bench-").FullName;

    public string Path => System.IO.Path.Combine(folder, "log.db");

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
