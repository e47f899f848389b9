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
        await database.Open(cancel);
        var own = database.Bell.Payload;
        connection = source.CreateConnection();
        connection.Notification += (_, notification) => heard |= notification.Payload != own;
        await connection.OpenAsync(cancel);
        await using var listen = new NpgsqlCommand($"LISTEN {Bell.NameOf(database)}", connection);
        await listen.ExecuteNonQueryAsync(cancel);
        await using var present = new NpgsqlCommand(database.Sql.Listen, connection);
        present.Parameters.With(database.Bell.Sender);
        await present.ExecuteNonQueryAsync(cancel);
    }

    private async ValueTask Close()
    {
        var closing = connection;
        connection = null;
        if (closing is not null)
            await closing.DisposeAsync();
    }
}
