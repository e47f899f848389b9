using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Headwater;

/// <summary>Takes over events from the PostgreSQL databases of other applications.</summary>
public static class HeadwaterPostgresSources
{
    /// <summary>
    /// Takes over what another application commits to an outbox table or as messages, by logical replication: each once, in the order of
    /// its commits. The log must be kept with <see cref="HeadwaterPostgres.UsePostgres"/>, in the same database or in another one.
    /// An application that can call <c>headwater.append</c> in its transaction needs no source.
    /// </summary>
    /// <param name="headwater">The application's declaration.</param>
    /// <param name="name">The source's name, under which its checkpoint is kept: lower-case letters, digits and dashes.</param>
    /// <param name="configure">Where it is, and what is taken over.</param>
    /// <exception cref="ArgumentException">A setting cannot be used, or the name is taken.</exception>
    public static HeadwaterBuilder AddPostgresSource(this HeadwaterBuilder headwater, string name, Action<PostgresSourceOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(headwater);
        ArgumentNullException.ThrowIfNull(configure);
        var options = new PostgresSourceOptions();
        configure(options);
        options.Check(Names.Check(name, "source"));
        if (headwater.Services.Any(service => service is { IsKeyedService: true } && service.ServiceType == typeof(PostgresSource) && name.Equals(service.ServiceKey)))
            throw new ArgumentException($"There are two sources '{name}'; names are unique.", nameof(name));
        var settings = PostgresDatabase.Settings(options.ConnectionString);
        headwater.Services.AddKeyedSingleton(name, (provider, _) => new PostgresSource(
            name, options, settings,
            provider.GetService<PostgresDatabase>() ?? throw new InvalidOperationException(
                $"The source '{name}' appends to a log in PostgreSQL and there is none: call UsePostgres(connectionString) inside AddHeadwater."),
            Surroundings.Real(provider.GetRequiredService<TimeProvider>()), provider.GetRequiredService<ILoggerFactory>().CreateLogger<PostgresSource>()));
        headwater.Services.AddSingleton<ISource>(provider => provider.GetRequiredKeyedService<PostgresSource>(name));
        return headwater;
    }
}
