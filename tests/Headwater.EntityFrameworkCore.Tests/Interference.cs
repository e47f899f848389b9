using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Headwater.EntityFrameworkCore.Tests;

/// <summary>An interceptor of the application, through which a test disturbs saves; synchronous ones and others alike.</summary>
internal sealed class Interference : DbTransactionInterceptor, ISaveChangesInterceptor
{
    /// <summary>When a save begins.</summary>
    public Action<Shop>? Saving { get; set; }

    /// <summary>After the events are in, right before the commit.</summary>
    public Action? Committing { get; set; }

    /// <summary>After the commit, so that its answer is lost.</summary>
    public Action? Committed { get; set; }

    public InterceptionResult<int> SavingChanges(DbContextEventData eventData, InterceptionResult<int> result)
    {
        Saving?.Invoke((Shop)eventData.Context!);
        return result;
    }

    public ValueTask<InterceptionResult<int>> SavingChangesAsync(
        DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(SavingChanges(eventData, result));

    public override InterceptionResult TransactionCommitting(DbTransaction transaction, TransactionEventData eventData, InterceptionResult result)
    {
        Committing?.Invoke();
        return result;
    }

    public override ValueTask<InterceptionResult> TransactionCommittingAsync(
        DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(TransactionCommitting(transaction, eventData, result));

    public override void TransactionCommitted(DbTransaction transaction, TransactionEndEventData eventData) => Committed?.Invoke();

    public override Task TransactionCommittedAsync(
        DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        Committed?.Invoke();
        return Task.CompletedTask;
    }
}
