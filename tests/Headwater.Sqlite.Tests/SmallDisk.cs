using System.Diagnostics;

namespace Headwater.Sqlite.Tests;

/// <summary>A file system of a few megabytes, mounted for one test. Where that is not allowed, the test is skipped by name.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private SmallDisk(string folder) => Folder = folder;

    public string Folder { get; }

    public static SmallDisk Mount(int megabytes = 4)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "Mounting a file system needs root.");
        var disk = new SmallDisk(Directory.CreateTempSubdirectory("headwater-disk-").FullName);
        Assert.SkipUnless(Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", disk.Folder), "Mounting a file system is not allowed here.");
        return disk;
    }

    public void MakeReadOnly() => Assert.True(Run("mount", "-o", "remount,ro", Folder));

    /// <summary>Writes a file until nothing more fits.</summary>
    public void Fill(string name)
    {
        using var filler = File.Create(Path.Combine(Folder, name));
        var block = new byte[4096];
        try
        {
            while (true)
            {
                filler.Write(block);
                filler.Flush(flushToDisk: true);
            }
        }
        catch (IOException)
        {
            // Full, as wanted.
        }
    }

    public ValueTask DisposeAsync()
    {
        Run("umount", "-l", Folder);
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static bool Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
