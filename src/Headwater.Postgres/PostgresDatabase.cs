using Microsoft.Extensions.Logging;
using Npgsql;

namespace Headwater;

/// <summary>
/// One schema of a database: the pool of connections, what is known of the log there, and the bell that tells other nodes. Nothing
/// is opened before the first use, and what goes wrong then can go well at the next one.
/// </summary>
internal sealed partial class PostgresDatabase : IAsyncDisposable, IDisposable
{
    private const int PreparedStatements = 32;

    private readonly SemaphoreSlim opening = new(1);
    private readonly NpgsqlConnectionStringBuilder settings;
    private readonly ILogger logger;
    private readonly Random random;
    private volatile string? epoch;
    private int closing;

    public PostgresDatabase(
        string connectionString, PostgresOptions options, HeadwaterOptions headwater, TimeProvider time, Random random, ILoggerFactory loggers)
    {
        settings = Settings(connectionString);

        // The reset would throw away the plans of the functions, which costs more than all else about an append. Only application code
        // that is lent a transaction could leave something behind, and cleans up itself; see LentTransaction.
        settings.NoResetOnClose = true;

        // Statements are parsed and planned once a connection, unless the application says otherwise or a pooler stands between.
        if (!settings.ShouldSerialize("Max Auto Prepare"))
            settings.MaxAutoPrepare = PreparedStatements;
        Source = new NpgsqlDataSourceBuilder(settings.ConnectionString).Build();
        Name = $"'{settings.Database ?? settings.Username}' on {settings.Host}:{settings.Port}";
        SchemaName = options.Schema;
        QuotedSchema = $"\"{options.Schema}\"";
        Sql = new Sql(QuotedSchema);
        Time = time;
        this.random = random;
        logger = loggers.CreateLogger<PostgresDatabase>();
        Bell = new Bell(this);
        Watermark = new Watermark(this, loggers.CreateLogger<Watermark>());
        Log = new PostgresLogStore(this, options.GroupCommit);
        Housekeeping = new Housekeeping(this, headwater);
        Signal = new PostgresSignal(this, Settings(options.ListenConnectionString ?? connectionString));
    }

    /// <summary>The database and where it is, for messages.</summary>
    public string Name { get; }

    public string SchemaName { get; }

    public string QuotedSchema { get; }

    public Sql Sql { get; }

    public NpgsqlDataSource Source { get; private set; }

    public TimeProvider Time { get; }

    public Watermark Watermark { get; }

    public PostgresLogStore Log { get; }

    public PostgresSignal Signal { get; }

    public Bell Bell { get; }

    public Housekeeping Housekeeping { get; }

    /// <summary>The log's epoch, once the database is open.</summary>
    public string Epoch => epoch!;

    /// <summary>
    /// Runs work that needs the database. If the connection turns out to be lost, which is all a restarted server leaves of a pool,
    /// it is done once more: only work that may be repeated is given here.
    /// </summary>
    public async ValueTask<T> Use<TArgument, T>(TArgument argument, Func<PostgresDatabase, TArgument, CancellationToken, ValueTask<T>> work, CancellationToken cancel)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                await Open(cancel);
                return await work(this, argument, cancel);
            }
            catch (NpgsqlException e) when (attempt == 0 && PostgresStoreException.IsLostConnection(e))
            {
                // All others of the pool are as old, and would each have to be found out.
                Source.Clear();
            }
            catch (NpgsqlException e)
            {
                throw PostgresStoreException.From(Name, e);
            }
        }
    }

    /// <summary>Runs one statement and reads its rows.</summary>
    public ValueTask<List<T>> Query<T>(
        string sql, Action<NpgsqlParameterCollection> bind, Func<NpgsqlDataReader, T> read, CancellationToken cancel) => Use(
        (sql, bind, read), static async (database, query, cancel) =>
        {
            await using var command = database.Source.CreateCommand(query.sql);
            query.bind(command.Parameters);
            return await command.ReadAll(query.read, cancel);
        }, cancel);

    /// <summary>Makes sure that the schema is there and is the one it was.</summary>
    public async ValueTask Open(CancellationToken cancel)
    {
        ObjectDisposedException.ThrowIf(closing != 0, this);
        if (epoch is not null)
            return;
        await opening.WaitAsync(cancel);
        try
        {
            epoch ??= await Schema.Bring(this, Draw, cancel);
        }
        finally
        {
            opening.Release();
        }
    }

    /// <summary>
    /// Gives up preparing statements: a pooler is between us and the server, and another of its connections would not know them.
    /// </summary>
    public async ValueTask StopPreparing()
    {
        var before = Source;
        settings.MaxAutoPrepare = 0;
        Source = new NpgsqlDataSourceBuilder(settings.ConnectionString).Build();
        await before.DisposeAsync();
    }

    public void WarnNotDurable() => LogNotDurable(logger, Name);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref closing, 1) != 0)
            return;
        await Log.Stop();
        await Bell.Stop();
        await Signal.DisposeAsync();
        await Source.DisposeAsync();
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private int Draw()
    {
        lock (random)
            return random.Next();
    }

    internal static NpgsqlConnectionStringBuilder Settings(string connectionString)
    {
        try
        {
            var settings = new NpgsqlConnectionStringBuilder(connectionString);
            settings.ApplicationName ??= "Headwater";
            return settings.Host is { Length: > 0 } ? settings : throw new ArgumentException("It names no Host.");
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"The connection string for PostgreSQL cannot be used: {e.Message} Expected for example 'Host=localhost;Database=app;Username=app;Password=...'.", nameof(connectionString), e);
        }
    }

    [LoggerMessage(200, LogLevel.Warning, "The database {Name} has synchronous_commit = off: an acknowledged append may be lost when the server crashes. Switch it on for Headwater's user.")]
    private static partial void LogNotDurable(ILogger logger, string name);
}
