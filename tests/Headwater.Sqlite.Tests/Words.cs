using System.Text;
using Microsoft.Data.Sqlite;

namespace Headwater.Sqlite.Tests;

/// <summary>Few words to append and read with.</summary>
internal static class Words
{
    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static StreamId Stream(string key) => new("order", key);

    public static EventData Event(string json = "{}") => new(Guid.NewGuid(), "opened", Encoding.UTF8.GetBytes(json));

    public static AppendRequest Request(string key, params EventData[] events) => new([new(Stream(key), ExpectedVersion.Any, events)]);

    public static ValueTask<AppendResult> Append(this SqliteDatabase database, AppendRequest request) =>
        new SqliteLogStore(database).Append(request, Cancel);

    public static async ValueTask<Position> Happen(this SqliteDatabase database, string key = "1", string json = "{}") =>
        Assert.IsType<AppendResult.Appended>(await database.Append(Request(key, Event(json)))).Position;

    public static async ValueTask<IReadOnlyList<RecordedEvent>> ReadAll(this SqliteDatabase database) =>
        (await new SqliteLogStore(database).Read(new(LogFilter.Everything, Position.Start, Position.Max, int.MaxValue), Cancel)).Events;

    public static ValueTask<LogHead> Head(this SqliteDatabase database) => new SqliteLogStore(database).Head(Cancel);

    /// <summary>Opens a connection as an application would.</summary>
    public static SqliteConnection Connect(string path)
    {
        var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        return connection;
    }

    /// <summary>Runs statements as a program that knows nothing of Headwater would.</summary>
    public static object? Sql(string path, string sql)
    {
        using var connection = Connect(path);
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }
}

/// <summary>A participant in an append.</summary>
internal sealed class Participant(Func<IReadModelTransaction, ValueTask> join) : IAppendParticipant
{
    public string Name => "participant";

    public ValueTask Join(IAppendTransaction transaction, CancellationToken cancel) => join((IReadModelTransaction)transaction);

    public void Committed()
    {
    }
}
