using System.Globalization;
using System.Security.Cryptography;
using System.Threading.Channels;
using Npgsql;

namespace Headwater;

/// <summary>
/// Tells other nodes that there is something new, never inside an append: NOTIFY takes a lock of the whole cluster until its
/// transaction ends. However often it is rung, one notification at a time is under way, and they keep a short distance. Where nobody
/// else listens nothing is said, and whether somebody has come is looked for at a longer one.
/// </summary>
internal sealed class Bell
{
    private static readonly TimeSpan distanceAlone = TimeSpan.FromMilliseconds(100);

    private readonly PostgresDatabase database;
    private readonly Channel<bool> rung = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly TaskCompletionSource stopped = new();
    private readonly Task running;

    public Bell(PostgresDatabase database)
    {
        this.database = database;
        running = Run();
    }

    public static string NameOf(PostgresDatabase database) => $"headwater_{database.SchemaName}";

    /// <summary>By this a node tells its own notifications, and that it listens itself, from those of others.</summary>
    public int Sender { get; } = RandomNumberGenerator.GetInt32(2, int.MaxValue);

    /// <summary>What a notification says.</summary>
    public string Payload => Sender.ToString(CultureInfo.InvariantCulture);

    public void Ring() => rung.Writer.TryWrite(true);

    public async ValueTask Stop()
    {
        rung.Writer.TryComplete();
        stopped.TrySetResult();
        await running;
    }

    private async Task Run()
    {
        var pace = new Pace(database.Time);
        while (await rung.Reader.WaitToReadAsync())
        {
            await pace.Begin();
            var isAlone = false;
            rung.Reader.TryRead(out _);
            try
            {
                await using var command = database.Source.CreateCommand(database.Sql.Notify);
                command.Parameters.With(NameOf(database)).With(Payload).With((long)Sender);
                isAlone = await command.ExecuteScalarAsync() is null;
            }
            catch (Exception e) when (e is NpgsqlException or ObjectDisposedException)
            {
                // A notification may be lost: the others look by themselves, if later.
            }

            pace.End();
            if (isAlone)
                await Task.WhenAny(Task.Delay(distanceAlone, database.Time), stopped.Task);
        }
    }
}
