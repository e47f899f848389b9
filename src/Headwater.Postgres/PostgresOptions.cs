namespace Headwater;

/// <summary>Settings of the PostgreSQL adapter that have a sensible default each. They are checked when the application is declared.</summary>
public sealed class PostgresOptions
{
    /// <summary>
    /// The schema of Headwater's tables and functions; <c>headwater</c> by default. Several logs can live in one database, each in a
    /// schema of its own.
    /// </summary>
    public string Schema { get; set; } = "headwater";

    /// <summary>
    /// Whether appends that come in together are committed together, so that they share a round trip and a wait for the disk; true
    /// by default. An append that comes alone does not wait for others.
    /// </summary>
    public bool GroupCommit { get; set; } = true;

    /// <summary>
    /// How to reach the server for LISTEN, if the connection string leads to a pooler in transaction mode such as PgBouncer, through
    /// which notifications do not come; null, the default, for the same way. Without notifications other nodes' events are found by
    /// polling.
    /// </summary>
    public string? ListenConnectionString { get; set; }

    internal void Check()
    {
        if (Schema is not { Length: > 0 and <= 48 } || !Schema.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_') || !char.IsAsciiLetterLower(Schema[0]))
            throw new ArgumentException(
                $"'{Schema}' cannot be Headwater's schema (PostgresOptions.Schema): expected 1 to 48 lower-case letters, digits and underscores, a letter first.");
    }
}
