using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Headwater.EntityFrameworkCore.Tests;

/// <summary>A database that EF Core and the log share, for one test.</summary>
public abstract class Provider : IAsyncDisposable
{
    /// <summary>Keeps the log in it.</summary>
    public abstract void Keep(HeadwaterBuilder headwater);

    /// <summary>Lets a context use it.</summary>
    /// <param name="options">The context's options.</param>
    /// <param name="retrying">Makes the execution strategy, or null for the provider's own.</param>
    public abstract void Use(DbContextOptionsBuilder options, Func<ExecutionStrategyDependencies, IExecutionStrategy>? retrying);

    /// <summary>SQL that counts the log's events, as an integer named Value.</summary>
    public abstract string CountEvents { get; }

    /// <summary>Opens a connection as an application would without EF Core.</summary>
    public abstract ValueTask<DbConnection> Connect();

    public abstract ValueTask DisposeAsync();
}
