using System.Data.Common;
using System.Transactions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace Headwater;

/// <summary>
/// What a context has published and not committed yet. The events stay here until the commit went well, so that a save that is tried
/// again appends them again; their ids, made when they were published, see to it that they are in the log once.
/// </summary>
internal sealed class Outbox(ICurrentDbContext current, IDbContextOptions options) : IResettableService
{
    private IReadOnlyList<StreamAppend> pending = [];
    private OpenTransaction? open;
    private AutoTransactionBehavior? before;

    private DatabaseFacade Database => current.Context.Database;

    private Log Log => options.FindExtension<HeadwaterOptionsExtension>()!.Log();

    public bool IsEmpty => pending.Count == 0;

    /// <summary>Whether the open transaction is of somebody who may commit it past EF Core.</summary>
    public bool IsBorrowed => open is { IsBorrowed: true };

    public void Publish(StreamId stream, object happened, ExpectedVersion expected, EventMetadata? metadata)
    {
        Settle();
        var append = Log.Prepare(stream, expected, [happened], metadata);
        IReadOnlyList<StreamAppend> all = [.. pending, append];
        PublishedEvents.Expected(all);
        Keep(all);
    }

    /// <summary>For good: a rollback does not bring it back.</summary>
    public void Clear()
    {
        Settle();
        open?.PublishedBefore = [];
        Keep([]);
    }

    /// <summary>The transaction went back to a savepoint. What was published before that was appended then.</summary>
    public void WentBack() => Keep([]);

    /// <summary>A transaction begins. A rollback will lead back to what is published now.</summary>
    public void Begin(Guid transaction, bool isBorrowed)
    {
        Settle();
        open = new OpenTransaction(transaction, isBorrowed, pending);
    }

    /// <summary>Appends what is published. It stays published until the commit went well.</summary>
    public async ValueTask Append(DbTransaction transaction, CancellationToken cancel)
    {
        if (IsEmpty)
            return;
        foreach (var append in PublishedEvents.Appends(pending))
        {
            switch (await Log.Append(transaction, append, cancel))
            {
                case AppendResult.Conflict conflict:
                    throw new StreamConflictException(conflict);
                case AppendResult.IdReused reused:
                    throw new InvalidOperationException(
                        $"Some of the published events are in the log already, among them {reused.EventId} at position {reused.Position} of stream "
                        + $"'{reused.Stream}': an earlier commit went well though its answer was lost. Nothing was saved; begin with a new context.");
            }
        }

        open?.HasAppended = true;
    }

    /// <summary>Appends what is published and leaves its fate to the transaction.</summary>
    public async ValueTask HandOver(DbTransaction transaction, CancellationToken cancel)
    {
        await Append(transaction, cancel);
        Keep([]);
    }

    public void Committed()
    {
        var hasAppended = open is { HasAppended: true };
        open = null;
        Keep([]);
        if (hasAppended)
            Log.Committed();
    }

    /// <summary>What was published before the transaction began is to be published still.</summary>
    public void RolledBack()
    {
        if (open is null)
            return;
        var rolledBack = open;
        open = null;
        Keep(rolledBack.PublishedBefore);
    }

    /// <summary>EF Core tells nobody when a transaction is disposed without a word; then it was rolled back.</summary>
    public void Settle()
    {
        if (open is null || open.Id == Database.CurrentTransaction?.TransactionId)
            return;
        if (open.IsBorrowed)
            open = null;
        else
            RolledBack();
    }

    /// <summary>Its commit would be out of EF Core's sight, and there is no transaction to append in.</summary>
    public void RefuseAmbient()
    {
        if (!IsEmpty && (Transaction.Current ?? Database.GetEnlistedTransaction()) is not null)
            throw new InvalidOperationException(
                "Events cannot be published in a TransactionScope or an enlisted transaction, because nothing can be appended right before its "
                + "commit. Use Database.BeginTransaction instead, or publish outside of it.");
    }

    /// <summary>The context goes back to its pool, and its settings are put back by the pool.</summary>
    public void ResetState()
    {
        pending = [];
        open = null;
        before = null;
    }

    public Task ResetStateAsync(CancellationToken cancellationToken = default)
    {
        ResetState();
        return Task.CompletedTask;
    }

    /// <summary>
    /// While something is published, saves need a transaction. This cannot wait for the save: once it has begun, an interceptor of the
    /// application may still publish.
    /// </summary>
    private void Keep(IReadOnlyList<StreamAppend> published)
    {
        pending = published;
        if (IsEmpty == before is null)
            return;
        if (before is { } own)
        {
            Database.AutoTransactionBehavior = own;
            before = null;
        }
        else
        {
            before = Database.AutoTransactionBehavior;
            Database.AutoTransactionBehavior = AutoTransactionBehavior.Always;
        }
    }

    /// <summary>The transaction that is open on the context.</summary>
    private sealed class OpenTransaction(Guid id, bool isBorrowed, IReadOnlyList<StreamAppend> publishedBefore)
    {
        public Guid Id => id;

        public bool IsBorrowed => isBorrowed;

        public IReadOnlyList<StreamAppend> PublishedBefore { get; set; } = publishedBefore;

        public bool HasAppended { get; set; }
    }
}
