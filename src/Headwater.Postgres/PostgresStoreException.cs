using System.Data.Common;
using Npgsql;

namespace Headwater;

/// <summary>The database cannot be used, now or at all. The message names the database and says what is wrong.</summary>
public sealed class PostgresStoreException : DbException
{
    private const string IdleInTransactionTimeout = "25P03";

    private readonly string? state;

    private PostgresStoreException(string database, string what, Exception? cause, bool isTransient)
        : base($"The database {database} {what}", cause)
    {
        IsTransient = isTransient;
        state = (cause as PostgresException)?.SqlState;
    }

    /// <summary>Whether the same may go well later, because the server is back or the disk has room again.</summary>
    public override bool IsTransient { get; }

    /// <inheritdoc/>
    public override string? SqlState => state;

    internal static PostgresStoreException Because(string database, string what, Exception? cause = null, bool isTransient = false) =>
        new(database, what, cause, isTransient);

    /// <summary>Says in words what the server or the network reported.</summary>
    internal static Exception From(string database, Exception e) => e switch
    {
        PostgresStoreException => e,
        PostgresException error => Because(database, Describe(error), error, Concerns(error)),
        NpgsqlException { InnerException: TimeoutException } error when error.Message.Contains("pool", StringComparison.OrdinalIgnoreCase) => Because(
            database, $"has no connection free: all of this process's pool are in use. Make the pool larger (Maximum Pool Size), or use fewer at once. {error.Message}", error, isTransient: true),
        NpgsqlException error => Because(database, $"cannot be reached: {error.Message.TrimEnd('.')}. See that the server runs and can be reached from here, and try again; the same event ids are appended once.", error, isTransient: true),
        _ => e,
    };

    /// <summary>Whether the error is about the database or the connection to it rather than about one statement.</summary>
    internal static bool Concerns(Exception e) => e switch
    {
        PostgresStoreException => true,
        PostgresException error => error.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.ReadOnlySqlTransaction
            or IdleInTransactionTimeout
            || error.SqlState[..2] is "08" or "40" or "53" or "57" or "58" or "XX",
        NpgsqlException => true,
        _ => false,
    };

    /// <summary>Whether the connection is lost; then what was asked may or may not have been done.</summary>
    internal static bool IsLostConnection(Exception e) => e switch
    {
        PostgresException error => error.SqlState is "57P01" or "57P02" or "57P05" or IdleInTransactionTimeout || error.SqlState.StartsWith("08", StringComparison.Ordinal),
        NpgsqlException { InnerException: IOException or System.Net.Sockets.SocketException } => true,
        _ => false,
    };

    private static string Describe(PostgresException error) => error.SqlState switch
    {
        PostgresErrorCodes.DiskFull => "cannot grow: the server's disk is full. Nothing acknowledged is lost; make room and try again.",
        PostgresErrorCodes.TooManyConnections => $"takes no more connections: {error.MessageText}. Lower the pools of its clients, or raise max_connections.",
        PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown => $"has ended the connection: {error.MessageText}. Once the server is back, try again; the same event ids are appended once.",
        PostgresErrorCodes.CannotConnectNow => $"is not ready: {error.MessageText}. It is starting, stopping or recovering; try again in a moment.",
        PostgresErrorCodes.InsufficientPrivilege => $"refuses: {error.MessageText}. Give the user the right, or let another one run the migrations.",
        PostgresErrorCodes.ReadOnlySqlTransaction => "is read-only: it is a standby, or was set so. Connect to the primary (Target Session Attributes=primary).",
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification => $"lets nobody in so: {error.MessageText}.",
        PostgresErrorCodes.InvalidCatalogName => $"is not there: {error.MessageText}. Create it; Headwater makes only its schema.",
        _ => $"reports: {error.MessageText} (SQLSTATE {error.SqlState})",
    };
}
