using System.Threading.Channels;

namespace Headwater;

/// <summary>
/// Commits appends together that come in together: a few lanes take what is waiting, each in one call and one transaction. While
/// one lane waits for the disk, the other has its turn.
/// </summary>
internal sealed class GroupCommit
{
    private const int Lanes = 2;
    private const int MaxGroup = 128;
    private const int MaxWaiting = 4096;

    // Longer than an append takes that waits for nobody.
    private static readonly TimeSpan patience = TimeSpan.FromMilliseconds(100);

    private readonly PostgresDatabase database;
    private readonly Channel<Append> waiting = Channel.CreateBounded<Append>(MaxWaiting);
    private readonly Task[] lanes;

    public GroupCommit(PostgresDatabase database)
    {
        this.database = database;
        lanes = [.. Enumerable.Range(0, Lanes).Select(_ => Run())];
    }

    /// <summary>Hands an append in and waits for its outcome. Cancelling ends the waiting only.</summary>
    public async ValueTask<AppendResult> Append(Append append, CancellationToken cancel)
    {
        await waiting.Writer.WriteAsync(append, cancel);
        return await append.Done.WaitAsync(cancel) ?? await append.Alone(database, cancel);
    }

    public async ValueTask Stop()
    {
        waiting.Writer.TryComplete();
        await Task.WhenAll(lanes);
    }

    private async Task Run()
    {
        var group = new List<Append>();
        var streams = new HashSet<string>();
        while (await waiting.Reader.WaitToReadAsync())
        {
            group.Clear();
            streams.Clear();
            while (group.Count < MaxGroup && waiting.Reader.TryRead(out var append))
            {
                // Those who want a stream that is taken are done alone, beside the group, and wait there for their turn.
                if (append.Streams.All(streams.Add))
                    group.Add(append);
                else
                    append.Complete(null);
            }

            // It may wait for its stream until somebody else's transaction ends; the lane goes on meanwhile.
            if (group.Count == 1)
                await Task.WhenAny(Alone(group[0]), Task.Delay(patience, database.Time));
            else if (group.Count > 1)
                await Together(group);
        }
    }

    private async Task Alone(Append append)
    {
        try
        {
            append.Complete(await append.Alone(database, CancellationToken.None));
        }
        catch (Exception e)
        {
            append.Fail(e);
        }
    }

    private async Task Together(List<Append> group)
    {
        try
        {
            var answer = await database.Use(group, static async (database, group, cancel) =>
            {
                await using var command = database.Source.CreateCommand(database.Sql.AppendMany);
                AppendBatch.Bind(command.Parameters, group, isGroup: true);
                return (await command.ReadAll(AppendBatch.Read, cancel))[0];
            }, CancellationToken.None);

            var (part, position) = (0, 0);
            for (var i = 0; i < group.Count; i++)
            {
                var result = group[i].Outcome(answer, i, part, position);
                part += group[i].Streams.Length;
                position += result is null ? 0 : group[i].EventCount;
                group[i].Complete(result);
            }
        }
        catch (PostgresStoreException e) when (e.SqlState is { } state && state[..2] is not ("08" or "53" or "57" or "58"))
        {
            // One of them is to blame, such as one whose event id is known, and not the server; each finds out alone.
            foreach (var append in group)
                append.Complete(null);
        }
        catch (Exception e)
        {
            foreach (var append in group)
                append.Fail(e);
        }
    }
}
