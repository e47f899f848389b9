using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater;

/// <summary>Publishes events to the log with the units of work of EF Core.</summary>
public static class HeadwaterEntityFrameworkCore
{
    /// <summary>
    /// Lets the contexts publish to the log that <c>AddHeadwater</c> registered. It is asked for when the first event is published, and
    /// not before, so that projections and handlers may use such contexts themselves.
    /// </summary>
    /// <typeparam name="TBuilder">The builder's type, so that a typed one stays so.</typeparam>
    /// <param name="options">The context's options. Its provider must write to the log's own database.</param>
    /// <param name="services">The application's services, as <c>AddDbContext</c> gives them.</param>
    public static TBuilder UseHeadwater<TBuilder>(this TBuilder options, IServiceProvider services)
        where TBuilder : DbContextOptionsBuilder
    {
        ArgumentNullException.ThrowIfNull(services);
        return Use(options, () => services.GetService<Log>() ?? throw new InvalidOperationException(
            "UseHeadwater finds no log among the services it was given: call AddHeadwater on the same service collection."));
    }

    /// <summary>Lets the contexts publish to a log.</summary>
    /// <typeparam name="TBuilder">The builder's type, so that a typed one stays so.</typeparam>
    /// <param name="options">The context's options. Its provider must write to the log's own database.</param>
    /// <param name="log">The log.</param>
    public static TBuilder UseHeadwater<TBuilder>(this TBuilder options, Log log)
        where TBuilder : DbContextOptionsBuilder
    {
        ArgumentNullException.ThrowIfNull(log);
        return Use(options, () => log);
    }

    /// <summary>
    /// Publishes an event with what the context saves: it is appended right before the COMMIT of the next <c>SaveChanges</c>, or of the
    /// transaction that is open on the context, and shares its fate. <c>SaveChanges</c> opens a transaction for it where it would do
    /// without, also if there is nothing else to save.
    /// </summary>
    /// <remarks>
    /// If the save fails, the event stays published, as an added entity stays added; the same instance is then appended once, however
    /// often the save is tried. A rollback takes back what was published since the transaction began or since the savepoint was made.
    /// </remarks>
    /// <param name="context">A context whose options call <c>UseHeadwater</c>.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="happened">An instance of a registered event type. It is serialised now; later changes of it do not count.</param>
    /// <param name="expected">
    /// The version the stream must have before this event, those published before it counted; any by default. If it has another one,
    /// the save throws a <see cref="StreamConflictException"/> and nothing is saved.
    /// </param>
    /// <param name="metadata">Where it comes from; the trace context is filled in if it is missing.</param>
    /// <exception cref="InvalidOperationException">The context does not use Headwater, or the event's type is not registered.</exception>
    /// <exception cref="ArgumentException">The expected version contradicts what was published to the stream before.</exception>
    public static void Publish(
        this DbContext context, StreamId stream, object happened, ExpectedVersion? expected = null, EventMetadata? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(happened);
        Of(context).Publish(stream, happened, expected ?? ExpectedVersion.Any, metadata);
    }

    /// <summary>Takes back what was published and is not appended yet, as <c>ChangeTracker.Clear</c> does with entities.</summary>
    /// <param name="context">A context whose options call <c>UseHeadwater</c>.</param>
    /// <exception cref="InvalidOperationException">The context does not use Headwater.</exception>
    public static void ClearPublished(this DbContext context) => Of(context).Clear();

    private static Outbox Of(DbContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return ((IInfrastructure<IServiceProvider>)context).Instance.GetService<Outbox>() ?? throw new InvalidOperationException(
            $"{context.GetType()} cannot publish: call UseHeadwater on its options, beside UseSqlite or UseNpgsql.");
    }

    private static TBuilder Use<TBuilder>(TBuilder options, Func<Log> log)
        where TBuilder : DbContextOptionsBuilder
    {
        ArgumentNullException.ThrowIfNull(options);
        ((IDbContextOptionsBuilderInfrastructure)options).AddOrUpdateExtension(new HeadwaterOptionsExtension(log));
        return options;
    }
}
