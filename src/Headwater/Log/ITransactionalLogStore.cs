using System.Data.Common;

namespace Headwater;

/// <summary>
/// What a log's store adds if application code can append in a transaction of its own: the transactional outbox. The log is the
/// outbox; there is no other table, and nothing to move from one to the other.
/// </summary>
public interface ITransactionalLogStore : ILogStore
{
    /// <summary>
    /// Appends all or nothing in a transaction that somebody else began and will end; see <see cref="ILogStore.Append"/>. Nobody
    /// else sees the events before its commit, and nobody ever if it is rolled back. Other appends may wait until it ends.
    /// </summary>
    /// <param name="transaction">An open transaction on the log's own database.</param>
    /// <param name="request">What to append; without a receipt.</param>
    /// <param name="cancel">Gives up; nothing is appended then.</param>
    /// <returns>As in an ordinary append. If nothing was appended, the transaction stands as it was.</returns>
    /// <exception cref="ArgumentException">
    /// The transaction is on another database, or of another provider, or its isolation does not do for the request's participants.
    /// </exception>
    /// <exception cref="InvalidOperationException">The transaction has ended.</exception>
    ValueTask<AppendResult> Append(DbTransaction transaction, AppendRequest request, CancellationToken cancel);

    /// <summary>Such a transaction is committed: other processes may be told, if they do not notice by themselves. Not always called.</summary>
    void Committed();
}
