using System.Globalization;

namespace Departures;

/// <summary>What can be chosen from outside, each by an environment variable.</summary>
/// <param name="Port">PORT: where the application listens, on 127.0.0.1 only; 5080 by default. 0 takes a free one.</param>
/// <param name="MinutesPerSecond">DEPARTURES_SPEED: how many simulated minutes pass in a second; 10 by default. 0 stops the replay.</param>
/// <param name="Data">HEADWATER_DATA: the folder of the database; <c>.data</c> by default.</param>
internal sealed record Settings(int Port, double MinutesPerSecond, string Data)
{
    private const double Slowest = 0.001, Fastest = 10_000;

    public string Database => Path.Combine(Data, "departures.db");

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
            Path.GetFullPath(data));

        string Given(string name, string otherwise) => variable(name) is { Length: > 0 } given ? given : otherwise;
    }

    /// <summary>Makes the folder of the database, if it is not there.</summary>
    /// <exception cref="SettingsException">It cannot be made.</exception>
    public void MakeFolder()
    {
        try
        {
            Directory.CreateDirectory(Data);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException($"HEADWATER_DATA is '{Data}', and that folder cannot be made: {e.Message}");
        }
    }
}

internal sealed class SettingsException(string message) : Exception(message);
