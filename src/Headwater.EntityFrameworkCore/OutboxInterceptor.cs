using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Storage;

namespace Headwater;

/// <summary>
/// Listens to what a context does, and appends what it published at the last moment: right before the COMMIT, because from the
/// append on others wait for the transaction.
/// </summary>
internal sealed class OutboxInterceptor(Outbox outbox) : ISaveChangesInterceptor, IDbTransactionInterceptor
{
    private bool isSaving;
    private bool isSavepointOfEF;

    public InterceptionResult<int> SavingChanges(DbContextEventData eventData, InterceptionResult<int> result)
    {
        outbox.Settle();
        outbox.RefuseAmbient();
        isSaving = true;
        return result;
    }

    public ValueTask<InterceptionResult<int>> SavingChangesAsync(
        DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(SavingChanges(eventData, result));

    /// <summary>If there was nothing to save, EF Core has opened no transaction, and what was published needs one all the same.</summary>
    public int SavedChanges(SaveChangesCompletedEventData eventData, int result)
    {
        isSaving = false;
        if (outbox.IsEmpty)
            return result;
        var database = eventData.Context!.Database;
        if (HasNothingToSave(eventData.Context))
        {
            outbox.RefuseAmbient();
            database.CreateExecutionStrategy().Execute(() =>
            {
                using var transaction = database.BeginTransaction();
                transaction.Commit();
            });
        }
        else if (outbox.IsBorrowed)
        {
            Wait(() => outbox.HandOver(database.CurrentTransaction!.GetDbTransaction(), default));
        }

        return result;
    }

    public async ValueTask<int> SavedChangesAsync(SaveChangesCompletedEventData eventData, int result, CancellationToken cancellationToken = default)
    {
        isSaving = false;
        if (outbox.IsEmpty)
            return result;
        var database = eventData.Context!.Database;
        if (HasNothingToSave(eventData.Context))
        {
            outbox.RefuseAmbient();
            await database.CreateExecutionStrategy().ExecuteAsync(async cancel =>
            {
                await using var transaction = await database.BeginTransactionAsync(cancel);
                await transaction.CommitAsync(cancel);
            }, cancellationToken);
        }
        else if (outbox.IsBorrowed)
        {
            await outbox.HandOver(database.CurrentTransaction!.GetDbTransaction(), cancellationToken);
        }

        return result;
    }

    public void SaveChangesFailed(DbContextErrorEventData eventData) => isSaving = false;

    public Task SaveChangesFailedAsync(DbContextErrorEventData eventData, CancellationToken cancellationToken = default) => NotSaving();

    public void SaveChangesCanceled(DbContextEventData eventData) => isSaving = false;

    public Task SaveChangesCanceledAsync(DbContextEventData eventData, CancellationToken cancellationToken = default) => NotSaving();

    /// <summary>EF Core tells of this instead of the failed save.</summary>
    public InterceptionResult ThrowingConcurrencyException(ConcurrencyExceptionEventData eventData, InterceptionResult result)
    {
        isSaving = false;
        return result;
    }

    public ValueTask<InterceptionResult> ThrowingConcurrencyExceptionAsync(
        ConcurrencyExceptionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(ThrowingConcurrencyException(eventData, result));

    public DbTransaction TransactionStarted(DbConnection connection, TransactionEndEventData eventData, DbTransaction result)
    {
        outbox.Begin(eventData.TransactionId, isBorrowed: false);
        return result;
    }

    public ValueTask<DbTransaction> TransactionStartedAsync(
        DbConnection connection, TransactionEndEventData eventData, DbTransaction result, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(TransactionStarted(connection, eventData, result));

    public DbTransaction TransactionUsed(DbConnection connection, TransactionEventData eventData, DbTransaction result)
    {
        outbox.Begin(eventData.TransactionId, isBorrowed: true);
        return result;
    }

    public ValueTask<DbTransaction> TransactionUsedAsync(
        DbConnection connection, TransactionEventData eventData, DbTransaction result, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(TransactionUsed(connection, eventData, result));

    public InterceptionResult TransactionCommitting(DbTransaction transaction, TransactionEventData eventData, InterceptionResult result)
    {
        if (!outbox.IsEmpty)
            Wait(() => outbox.Append(transaction, default));
        return result;
    }

    public async ValueTask<InterceptionResult> TransactionCommittingAsync(
        DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        await outbox.Append(transaction, cancellationToken);
        return result;
    }

    public void TransactionCommitted(DbTransaction transaction, TransactionEndEventData eventData) => outbox.Committed();

    public Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        outbox.Committed();
        return Task.CompletedTask;
    }

    public void TransactionRolledBack(DbTransaction transaction, TransactionEndEventData eventData) => outbox.RolledBack();

    public Task TransactionRolledBackAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        outbox.RolledBack();
        return Task.CompletedTask;
    }

    /// <summary>
    /// Before a savepoint of the application everything published is appended, so that the database itself undoes what came after it
    /// and keeps what came before. EF Core makes one too, around each save; going back to that leaves the save as it was, unsaved.
    /// </summary>
    public InterceptionResult CreatingSavepoint(DbTransaction transaction, TransactionEventData eventData, InterceptionResult result)
    {
        isSavepointOfEF = isSaving;
        if (!isSavepointOfEF && !outbox.IsEmpty)
            Wait(() => outbox.HandOver(transaction, default));
        return result;
    }

    /// <inheritdoc cref="CreatingSavepoint"/>
    public async ValueTask<InterceptionResult> CreatingSavepointAsync(
        DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        isSavepointOfEF = isSaving;
        if (!isSavepointOfEF)
            await outbox.HandOver(transaction, cancellationToken);
        return result;
    }

    public void RolledBackToSavepoint(DbTransaction transaction, TransactionEventData eventData)
    {
        if (!isSavepointOfEF)
            outbox.WentBack();
    }

    public Task RolledBackToSavepointAsync(DbTransaction transaction, TransactionEventData eventData, CancellationToken cancellationToken = default)
    {
        RolledBackToSavepoint(transaction, eventData);
        return Task.CompletedTask;
    }

    public void ReleasedSavepoint(DbTransaction transaction, TransactionEventData eventData) => isSavepointOfEF = false;

    public Task ReleasedSavepointAsync(DbTransaction transaction, TransactionEventData eventData, CancellationToken cancellationToken = default)
    {
        isSavepointOfEF = false;
        return Task.CompletedTask;
    }

    /// <summary>And not that an interceptor of the application has kept it from being saved: then the events wait with it.</summary>
    private static bool HasNothingToSave(DbContext context) =>
        context.Database.CurrentTransaction is null && !context.ChangeTracker.HasChanges();

    private Task NotSaving()
    {
        isSaving = false;
        return Task.CompletedTask;
    }

    /// <summary>Waits as the synchronous calls of EF Core must; on another thread, because this one may have a context that work would come back to.</summary>
    private static void Wait(Func<ValueTask> work) => Task.Run(() => work().AsTask()).GetAwaiter().GetResult();
}
