using System.Diagnostics;

namespace Headwater.Postgres.Servers;

/// <summary>
/// Runs the servers' programs, which refuse to run as root: as the user postgres then, and otherwise as the present one.
/// </summary>
internal static class ServerUser
{
    private const string Name = "postgres";

    /// <summary>Makes a folder that belongs to that user.</summary>
    public static async Task<string> MakeFolder(string? parent, string prefix)
    {
        var folder = parent is null
            ? Directory.CreateTempSubdirectory(prefix).FullName
            : Directory.CreateDirectory(Path.Combine(parent, prefix + Path.GetRandomFileName())).FullName;
        if (Environment.IsPrivilegedProcess)
            await Run(new ProcessStartInfo("chown", [$"{Name}:", folder]));
        return folder;
    }

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has what it said.</exception>
    public static Task Run(string program, params IEnumerable<string> arguments) => Run(Environment.IsPrivilegedProcess
        ? new ProcessStartInfo("runuser", ["-u", Name, "--", program, .. arguments])
        : new ProcessStartInfo(program, arguments));

    private static async Task Run(ProcessStartInfo start)
    {
        // The present folder may be one which that user cannot enter.
        start.WorkingDirectory = "/";
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException(
                $"'{start.FileName} {string.Join(' ', start.ArgumentList)}' ended with {process.ExitCode}:{Environment.NewLine}{await output}{await errors}");
    }
}
