using System.Data.Common;
using Npgsql;

namespace Headwater.Postgres.Faults;

/// <summary>Those who append, each in a loop, with some events for a stream of their own and some for streams that all share.</summary>
internal static class Writers
{
    private const int SharedStreams = 5;

    // Whoever was refused because the server is away does not come back at once, as no program should.
    private static readonly TimeSpan breath = TimeSpan.FromMilliseconds(20);

    /// <summary>Appends through the library.</summary>
    public static async Task ThroughTheLibrary(Log log, string name, Random random, Ledger ledger, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var own = Enumerable.Range(0, 1 + random.Next(3)).Select(_ => Events.Event()).ToArray();
            var request = new List<StreamAppend> { Events.To(name, own) };
            if (random.Next(5) == 0)
                request.Add(Events.To($"shared-{random.Next(SharedStreams)}", Events.Event()));
            try
            {
                Assert.IsType<AppendResult.Appended>(await log.Append(request, CancellationToken.None));
                ledger.Acknowledge(request.SelectMany(part => part.Events).Select(happened => happened.Id));
            }
            catch (DbException e)
            {
                ledger.Fail(e);
                await Task.Delay(breath, CancellationToken.None);
            }
        }
    }

    /// <summary>Appends with the SQL function in transactions of its own; some stay open a while, some are rolled back.</summary>
    public static async Task ThroughSql(NpgsqlDataSource source, string schema, string name, Random random, Ledger ledger, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var ids = new List<Guid>();
            await using var connection = await source.OpenConnectionAsync(CancellationToken.None);
            await using var transaction = await connection.BeginTransactionAsync(CancellationToken.None);
            try
            {
                await Append(name);
                if (random.Next(5) == 0)
                    await Append($"shared-{random.Next(SharedStreams)}");
                if (random.Next(10) == 0)
                    await Task.Delay(random.Next(10, 200), CancellationToken.None);
                if (random.Next(10) == 0)
                {
                    await transaction.RollbackAsync(CancellationToken.None);
                    ledger.RollBack(ids);
                }
                else
                {
                    await transaction.CommitAsync(CancellationToken.None);
                    ledger.Acknowledge(ids);
                }
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.DeadlockDetected)
            {
                ledger.RollBack(ids);
            }

            async Task Append(string key)
            {
                ids.Add(Guid.NewGuid());
                await using var command = new NpgsqlCommand($"SELECT {schema}.append($1, -1, 'happened', '{{}}', event_id => $2)", connection);
                command.Parameters.Add(new() { Value = $"thing-{key}" });
                command.Parameters.Add(new() { Value = ids[^1] });
                await command.ExecuteScalarAsync(CancellationToken.None);
            }
        }
    }
}
