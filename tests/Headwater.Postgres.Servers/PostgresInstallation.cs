using System.Globalization;

namespace Headwater.Postgres.Servers;

/// <summary>Where the programs of one version of PostgreSQL are. <c>test.sh</c> installs what is missing.</summary>
/// <param name="Version">The major version.</param>
/// <param name="Programs">The folder of <c>initdb</c>, <c>pg_ctl</c> and <c>postgres</c>.</param>
public sealed record PostgresInstallation(int Version, string Programs)
{
    private const string DistributionFolder = "/usr/lib/postgresql";

    /// <summary>The one of the distribution's package: 15 on Debian 12.</summary>
    public static PostgresInstallation Distribution => !Directory.Exists(DistributionFolder)
        ? Missing(DistributionFolder)
        : Directory.GetDirectories(DistributionFolder)
            .Where(folder => File.Exists(Path.Combine(folder, "bin", "initdb")))
            .Select(folder => new PostgresInstallation(int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture), Path.Combine(folder, "bin")))
            .MaxBy(installation => installation.Version) ?? Missing(DistributionFolder);

    /// <summary>Version 18, which <c>test.sh</c> keeps in a folder outside the repository.</summary>
    public static PostgresInstallation Newest
    {
        get
        {
            var programs = Path.Combine(Cache, "postgres-18", "native", "bin");
            return File.Exists(Path.Combine(programs, "initdb")) ? new(18, programs) : Missing(programs);
        }
    }

    // Root's own cache lies in a home that the user who runs the server cannot enter.
    private static string Cache => Environment.GetEnvironmentVariable("HEADWATER_CACHE") is { Length: > 0 } given ? given
        : Environment.IsPrivilegedProcess ? "/var/cache/headwater"
        : Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
            "headwater");

    private static PostgresInstallation Missing(string where) =>
        throw new InvalidOperationException($"PostgreSQL was expected in {where} and is not there; ./test.sh installs it.");
}
