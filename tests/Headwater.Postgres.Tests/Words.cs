using System.Text;

namespace Headwater.Postgres.Tests;

/// <summary>Few words to append and read with.</summary>
internal static class Words
{
    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static StreamId Stream(string key) => new("order", key);

    public static EventData Event(string json = "{}") => new(Guid.NewGuid(), "opened", Encoding.UTF8.GetBytes(json));

    public static async ValueTask<AppendResult.Appended> Happen(this PostgresDatabase database, string key = "1", string json = "{}") =>
        Assert.IsType<AppendResult.Appended>(await database.Log.Append(new AppendRequest([new(Stream(key), ExpectedVersion.Any, [Event(json)])]), Cancel));

    public static async ValueTask<IReadOnlyList<RecordedEvent>> ReadAll(this PostgresDatabase database) =>
        (await database.Log.Read(new(LogFilter.Everything, Position.Start, Position.Max, int.MaxValue), Cancel)).Events;

    /// <summary>Asks again and again until it is so, which takes a look at the database each. Fails after a time.</summary>
    public static async ValueTask Until(Func<ValueTask<bool>> isSo)
    {
        using var timeUp = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        timeUp.CancelAfter(TimeSpan.FromSeconds(10));
        while (!await isSo())
            timeUp.Token.ThrowIfCancellationRequested();
    }
}
