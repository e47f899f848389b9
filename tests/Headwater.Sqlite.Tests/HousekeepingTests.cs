using Microsoft.Extensions.Time.Testing;

namespace Headwater.Sqlite.Tests;

public sealed class HousekeepingTests
{
    [Fact]
    public async Task Receipts_are_forgotten_after_their_time_and_not_before()
    {
        await using var file = new DatabaseFile();
        var time = new FakeTimeProvider();
        var database = file.Open(time, new HeadwaterOptions { ReceiptRetention = TimeSpan.FromDays(7) });
        await Keep(database, "old");
        time.Advance(TimeSpan.FromDays(6));
        await Keep(database, "new");
        Assert.NotNull(await Find(database, "old"));

        time.Advance(TimeSpan.FromDays(1.1));
        await database.Happen();

        Assert.Null(await Find(database, "old"));
        Assert.NotNull(await Find(database, "new"));
    }

    [Fact]
    public async Task The_log_of_changes_stays_bounded()
    {
        await using var file = new DatabaseFile();
        var database = file.Open();
        var json = $"\"{new string('x', 20_000)}\"";
        for (var i = 0; i < 60; i++)
            await Task.WhenAll(Enumerable.Range(0, 50).Select(key => database.Happen($"{key}", json).AsTask()));

        Assert.InRange(new FileInfo(file.Path + "-wal").Length, 1, 24 << 20);
        Assert.InRange(new FileInfo(file.Path).Length, 50 << 20, long.MaxValue);
    }

    private static async Task Keep(SqliteDatabase database, string key) => Assert.IsType<AppendResult.Appended>(
        await database.Append(new AppendRequest([]) { Receipt = new ReceiptRequest(key, "print", Words.Stream("1"), 0, "{}") }));

    private static ValueTask<Receipt?> Find(SqliteDatabase database, string key) => new SqliteLogStore(database).FindReceipt(key, Words.Cancel);
}
