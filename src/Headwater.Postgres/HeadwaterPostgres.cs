using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>Keeps the log, the read models and the cursors in a PostgreSQL database.</summary>
public static class HeadwaterPostgres
{
    /// <summary>
    /// Keeps everything in a schema of a PostgreSQL database (15 or newer), which several nodes may share. The schema is made at first
    /// use, for which the user needs the right to create it; connections are closed with the host.
    /// </summary>
    /// <param name="headwater">The application's declaration.</param>
    /// <param name="connectionString">An Npgsql connection string.</param>
    /// <param name="schema">The schema of Headwater's tables and functions.</param>
    /// <param name="configure">Further settings.</param>
    /// <exception cref="ArgumentException">The connection string or a setting cannot be used.</exception>
    public static HeadwaterBuilder UsePostgres(
        this HeadwaterBuilder headwater, string connectionString, string schema = "headwater", Action<PostgresOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(headwater);
        AddDatabase(headwater, null, connectionString, schema, configure);
        var services = headwater.Services;
        services.AddSingleton<ILogStore>(provider => provider.GetRequiredService<PostgresDatabase>().Log);
        services.AddSingleton<IReadModelStore>(provider => new PostgresReadModelStore(provider.GetRequiredService<PostgresDatabase>()));
        services.AddSingleton<ICheckpointStore>(provider => new PostgresCheckpointStore(provider.GetRequiredService<PostgresDatabase>()));
        services.AddSingleton<ILeaseStore>(provider => new PostgresLeaseStore(provider.GetRequiredService<PostgresDatabase>()));
        services.AddSingleton<IWatermark>(provider => provider.GetRequiredService<PostgresDatabase>().Watermark);
        services.AddSingleton<ISignal>(provider => provider.GetRequiredService<PostgresDatabase>().Signal);
        return headwater;
    }

    /// <summary>
    /// Adds a PostgreSQL database in which projections can keep their rows (<see cref="ProjectionBuilder.KeptIn"/>), whatever the log is
    /// kept in. All nodes share it.
    /// </summary>
    /// <param name="headwater">The application's declaration.</param>
    /// <param name="name">What the application calls it, such as <c>reports</c>.</param>
    /// <param name="connectionString">An Npgsql connection string.</param>
    /// <param name="schema">The schema of Headwater's tables and functions there.</param>
    /// <param name="configure">Further settings.</param>
    /// <exception cref="ArgumentException">The name, the connection string or a setting cannot be used.</exception>
    public static HeadwaterBuilder AddPostgresReadModels(
        this HeadwaterBuilder headwater, string name, string connectionString, string schema = "headwater", Action<PostgresOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(headwater);
        AddDatabase(headwater, name, connectionString, schema, configure);
        return headwater.AddReadModels(name, provider =>
        {
            var database = provider.GetRequiredKeyedService<PostgresDatabase>(name);
            return new ReadModelDatabase(new PostgresReadModelStore(database), new PostgresCheckpointStore(database)) { Signal = database.Signal };
        });
    }

    /// <summary>Registers a schema of a database; without a name it is the log's.</summary>
    private static void AddDatabase(
        HeadwaterBuilder headwater, string? name, string connectionString, string schema, Action<PostgresOptions>? configure)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(connectionString);
        var options = new PostgresOptions { Schema = schema };
        configure?.Invoke(options);
        options.Check();
        headwater.Services.AddKeyedSingleton(name, (provider, _) => new PostgresDatabase(
            connectionString, options, headwater.Options, provider.GetRequiredService<TimeProvider>(), new Random(),
            provider.GetRequiredService<ILoggerFactory>()));
    }
}
