using System.Data.Common;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace Headwater;

/// <summary>Appends in transactions that the log neither begins nor ends.</summary>
[SuppressMessage("ApiDesign", "RS0026", Justification = "Their first parameters tell the overloads of Append apart.")]
public sealed partial class Log
{
    /// <summary>
    /// Appends events to one stream in a transaction of the application: they can be read once it commits, and never if it is
    /// rolled back. Do it right before the commit, because other appends and readers may wait until the transaction ends.
    /// </summary>
    /// <param name="transaction">An open transaction on the log's own database.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="expected">The version it must have.</param>
    /// <param name="events">Instances of registered event types, in the order they happened.</param>
    /// <param name="metadata">Where they come from; the trace context is filled in if it is missing.</param>
    /// <param name="cancel">Gives up; nothing is appended then.</param>
    /// <returns>Appended, or why not: a version conflict or a reused event id. Then the transaction stands as it was.</returns>
    /// <exception cref="ArgumentException">The transaction is on another database, or the request breaks a limit.</exception>
    /// <exception cref="InvalidOperationException">The transaction has ended.</exception>
    /// <exception cref="NotSupportedException">The log is kept in memory.</exception>
    public ValueTask<AppendResult> Append(
        DbTransaction transaction, StreamId stream, ExpectedVersion expected, IEnumerable<object> events, EventMetadata? metadata = null,
        CancellationToken cancel = default) =>
        Append(transaction, [Prepare(stream, expected, events, metadata)], cancel);

    /// <summary>Appends events to one or several streams, all or nothing, in a transaction of the application.</summary>
    /// <param name="transaction">An open transaction on the log's own database.</param>
    /// <param name="streams">The streams, each at most once.</param>
    /// <param name="cancel">Gives up; nothing is appended then.</param>
    /// <returns>Appended, or why not: a version conflict or a reused event id. Then the transaction stands as it was.</returns>
    /// <exception cref="ArgumentException">The transaction is on another database, or the request breaks a limit.</exception>
    /// <exception cref="InvalidOperationException">The transaction has ended.</exception>
    /// <exception cref="NotSupportedException">The log is kept in memory.</exception>
    public async ValueTask<AppendResult> Append(
        DbTransaction transaction, IReadOnlyList<StreamAppend> streams, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        var request = Request(streams) with { Participants = participants };
        AppendLimits.Check(request, options);
        if (store is not ITransactionalLogStore transactional)
            throw new NotSupportedException(
                $"{store.GetType().Name} cannot append in a transaction of the application; keep the log in the application's own database, "
                + "with UsePostgres(connectionString) or UseSqlite(path).");

        using var activity = Telemetry.Source.StartActivity("append", ActivityKind.Producer);
        var started = surroundings.Time.GetTimestamp();
        var result = await transactional.Append(transaction, request, cancel);
        Measure(request, result, started, activity);
        return result;
    }

    /// <summary>
    /// Says that a transaction of the application that appended is committed, so that readers need not find out by themselves. That
    /// takes them <see cref="HeadwaterOptions.PollInterval"/> at most; nothing is lost if this is never called, or too early.
    /// </summary>
    public void Committed()
    {
        (store as ITransactionalLogStore)?.Committed();
        tail.Ring();
        foreach (var participant in participants)
            participant.Committed();
    }
}
