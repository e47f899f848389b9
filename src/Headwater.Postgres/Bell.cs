using System.Threading.Channels;
using Npgsql;

namespace Headwater;

/// <summary>
/// Tells other nodes that there is something new, never inside an append: NOTIFY takes a lock of the whole cluster until its
/// transaction ends. However often it is rung, one notification at a time is under way, and they keep a short distance.
/// </summary>
internal sealed class Bell
{
    private readonly PostgresDatabase database;
    private readonly Channel<bool> rung = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Task running;

    public Bell(PostgresDatabase database)
    {
        this.database = database;
        running = Run();
    }

    public static string NameOf(PostgresDatabase database) => $"headwater_{database.SchemaName}";

    /// <summary>By this a node tells its own notifications from those of others.</summary>
    public string Sender { get; } = Convert.ToHexString(System.Security.Cryptography.RandomNumberGenerator.GetBytes(4));

    public void Ring() => rung.Writer.TryWrite(true);

    public async ValueTask Stop()
    {
        rung.Writer.TryComplete();
        await running;
    }

    private async Task Run()
    {
        var pace = new Pace(database.Time);
        while (await rung.Reader.WaitToReadAsync())
        {
            await pace.Begin();
            rung.Reader.TryRead(out _);
            try
            {
                await using var command = database.Source.CreateCommand(database.Sql.Notify);
                command.Parameters.With(NameOf(database)).With(Sender);
                await command.ExecuteNonQueryAsync();
            }
            catch (Exception e) when (e is NpgsqlException or ObjectDisposedException)
            {
                // A notification may be lost: the others look by themselves, if later.
            }

            pace.End();
        }
    }
}
