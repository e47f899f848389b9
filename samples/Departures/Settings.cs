using System.Globalization;
using Npgsql;

namespace Departures;

/// <summary>What can be chosen from outside, each by an environment variable.</summary>
/// <param name="Port">PORT: where the application listens, on 127.0.0.1 only; 5080 by default. 0 takes a free one.</param>
/// <param name="MinutesPerSecond">DEPARTURES_SPEED: how many simulated minutes pass in a second; 10 by default. 0 stops the replay.</param>
/// <param name="Data">HEADWATER_DATA: the folder of the SQLite database; <c>.data</c> by default.</param>
/// <param name="Postgres">HEADWATER_POSTGRES: how to connect to a PostgreSQL database, which is used instead of SQLite; none by default.</param>
internal sealed record Settings(int Port, double MinutesPerSecond, string Data, string? Postgres = null)
{
    private const double Slowest = 0.001, Fastest = 10_000;

    public string SqliteFile => Path.Combine(Data, "departures.db");

    /// <summary>Where the data is, for people to read; without the password.</summary>
    public string Store
    {
        get
        {
            if (Postgres is null)
                return Data;
            var to = new NpgsqlConnectionStringBuilder(Postgres);
            return $"the PostgreSQL database '{to.Database ?? to.Username}' on {to.Host}:{to.Port}";
        }
    }

    /// <summary>Reads the settings.</summary>
    /// <exception cref="SettingsException">A value makes no sense; the message says which, and what is expected.</exception>
    public static Settings Read(Func<string, string?> variable)
    {
        var (port, speed, data) = (Given("PORT", "5080"), Given("DEPARTURES_SPEED", "10"), Given("HEADWATER_DATA", ".data"));
        return new Settings(
            int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= ushort.MaxValue
                ? number
                : throw new SettingsException($"PORT is '{port}'; expected a port, 0 to {ushort.MaxValue}."),
            double.TryParse(speed, NumberStyles.Float, CultureInfo.InvariantCulture, out var minutes) && minutes is 0 or (>= Slowest and <= Fastest)
                ? minutes
                : throw new SettingsException(
                    $"DEPARTURES_SPEED is '{speed}'; expected simulated minutes per second, {Slowest} to {Fastest}, or 0 for no replay."),
            Path.GetFullPath(data),
            ConnectionString(variable("HEADWATER_POSTGRES")));

        string Given(string name, string otherwise) => variable(name) is { Length: > 0 } given ? given : otherwise;
    }

    /// <summary>Makes the folder of the SQLite database, if it is not there.</summary>
    /// <exception cref="SettingsException">It cannot be made.</exception>
    public void MakeFolder()
    {
        if (Postgres is not null)
            return;
        try
        {
            Directory.CreateDirectory(Data);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException($"HEADWATER_DATA is '{Data}', and that folder cannot be made: {e.Message}");
        }
    }

    private static string? ConnectionString(string? given)
    {
        if (string.IsNullOrEmpty(given))
            return null;
        try
        {
            if (new NpgsqlConnectionStringBuilder(given).Host is { Length: > 0 })
                return given;
            throw new ArgumentException("It names no Host.");
        }
        catch (ArgumentException e)
        {
            // The value is not repeated, because a password stands in it.
            throw new SettingsException(
                $"HEADWATER_POSTGRES cannot be used: {e.Message} Expected for example 'Host=localhost;Database=departures;Username=app;Password=...'.");
        }
    }
}

internal sealed class SettingsException(string message) : Exception(message);
