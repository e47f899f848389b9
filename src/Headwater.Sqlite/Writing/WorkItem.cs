namespace Headwater;

/// <summary>Something to be done in the writer's transaction. Its caller is told once that is committed.</summary>
internal abstract class WorkItem
{
    /// <summary>Whether it is one statement, which undoes itself when it fails and so needs no savepoint.</summary>
    public virtual bool IsOneStatement => false;

    /// <summary>Does it. It may be asked again, in another transaction, when the first one was lost through no fault of its own.</summary>
    public abstract ValueTask Execute(WriteTransaction transaction);

    /// <summary>It failed by itself and was undone; its caller is told when the transaction, which it may have seen others' work in, is committed.</summary>
    public abstract void Failed(Exception e);

    /// <summary>Tells the caller the outcome of the last attempt.</summary>
    public abstract void Publish();
}

/// <inheritdoc/>
internal abstract class WorkItem<T> : WorkItem
{
    private TaskCompletionSource<T>? done;
    private T? result;
    private Exception? failure;

    /// <summary>What its caller waits for.</summary>
    /// <param name="waking">How the caller is woken; see <see cref="Surroundings.Waking"/>.</param>
    public Task<T> Begin(TaskCreationOptions waking)
    {
        done = new TaskCompletionSource<T>(waking);
        return done.Task;
    }

    public sealed override async ValueTask Execute(WriteTransaction transaction)
    {
        failure = null;
        result = await Perform(transaction);
    }

    public sealed override void Failed(Exception e) => failure = e;

    public sealed override void Publish()
    {
        if (failure is null)
        {
            done?.TrySetResult(result!);
            return;
        }

        // Looked at here too: who gave up waiting does not look, and nobody else need be told.
        done?.TrySetException(failure);
        _ = done?.Task.Exception;
    }

    protected abstract ValueTask<T> Perform(WriteTransaction transaction);
}

/// <summary>Work that needs no preparation.</summary>
internal sealed class Work<T>(Func<WriteTransaction, ValueTask<T>> work) : WorkItem<T>
{
    protected override ValueTask<T> Perform(WriteTransaction transaction) => work(transaction);
}
