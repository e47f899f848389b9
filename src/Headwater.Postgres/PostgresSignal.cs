using Npgsql;

namespace Headwater;

/// <summary>Hears the bells of other nodes, on a connection of its own.</summary>
internal sealed class PostgresSignal : ISignal, IAsyncDisposable
{
    // A connection whose server vanished without a word is noticed by this.
    private const int KeepAliveSeconds = 10;

    private readonly PostgresDatabase database;
    private readonly NpgsqlDataSource source;
    private NpgsqlConnection? connection;
    private bool heard;

    public PostgresSignal(PostgresDatabase database, NpgsqlConnectionStringBuilder settings)
    {
        this.database = database;
        settings.Pooling = false;
        settings.KeepAlive = KeepAliveSeconds;
        source = new NpgsqlDataSourceBuilder(settings.ConnectionString).Build();
    }

    public async ValueTask Wait(CancellationToken cancel)
    {
        try
        {
            if (connection is null)
            {
                // What was said before it listened is not heard, so that it listens at all is a hint.
                await Listen(cancel);
                return;
            }

            while (!heard)
                await connection.WaitAsync(cancel);
            heard = false;
        }
        catch (NpgsqlException e)
        {
            await Close();
            throw PostgresStoreException.From(database.Name, e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Close();
        await source.DisposeAsync();
    }

    private async Task Listen(CancellationToken cancel)
    {
        connection = source.CreateConnection();
        connection.Notification += (_, notification) => heard |= notification.Payload != database.Bell.Sender;
        await connection.OpenAsync(cancel);
        await using var listen = new NpgsqlCommand($"LISTEN {Bell.NameOf(database)}", connection);
        await listen.ExecuteNonQueryAsync(cancel);
    }

    private async ValueTask Close()
    {
        var closing = connection;
        connection = null;
        if (closing is not null)
            await closing.DisposeAsync();
    }
}
