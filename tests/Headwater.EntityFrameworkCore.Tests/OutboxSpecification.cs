using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Headwater.EntityFrameworkCore.Tests;

/// <summary>What is published with a unit of work shares its fate, whatever the database.</summary>
public abstract partial class OutboxSpecification(Provider provider)
{
    private static CancellationToken Cancel => World.Cancel;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_published_is_appended_with_the_save_and_followers_get_it(bool isAsync)
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();

        Place(shop, "A1");
        Place(shop, "A2");
        shop.Publish(Stream("A1"), new OrderEvent.Placed("A1 again"));
        Assert.Empty(await world.Told());
        Assert.Equal(2, await Save(shop, isAsync));

        Assert.Equal(["A1", "A2"], await world.Stored());
        Assert.Equal(["A1", "A2", "A1 again"], await Follow(world, 3));
        Assert.Equal([1, 2], (await world.Log.ReadStream(Stream("A1"), cancel: Cancel)).Select(happened => happened.Version));

        // Nothing of it is left behind.
        Add(shop, "A3");
        await Save(shop, isAsync);
        Assert.Equal(3, (await world.Told()).Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Events_alone_are_appended_too(bool isAsync)
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();

        shop.Publish(Stream("A1"), new OrderEvent.Placed("A1"));
        Assert.Equal(0, await Save(shop, isAsync));

        Assert.Equal(["A1"], await Follow(world, 1));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_conflict_names_stream_and_versions_and_nothing_is_saved(bool isAsync)
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();
        await Tell(world, "A1");

        Add(shop, "A1");
        shop.Publish(Stream("B1"), new OrderEvent.Placed("B1"));
        shop.Publish(Stream("A1"), new OrderEvent.Placed("A1"), ExpectedVersion.None);
        var thrown = await Assert.ThrowsAsync<StreamConflictException>(() => Save(shop, isAsync));

        Assert.Equal((Stream("A1"), ExpectedVersion.None, 1), (thrown.Stream, thrown.Expected, thrown.Actual));
        Assert.Contains("Stream 'order-A1' has version 1, and no events yet was expected", thrown.Message, StringComparison.Ordinal);
        Assert.Empty(await world.Stored());
        Assert.Equal(["A1"], await world.Told());

        // The unit of work can go on without its events.
        shop.ClearPublished();
        await Save(shop, isAsync);
        Assert.Equal(["A1"], await world.Stored());
        Assert.Equal(["A1"], await world.Told());
        Assert.Equal(AutoTransactionBehavior.WhenNeeded, shop.Database.AutoTransactionBehavior);
    }

    [Fact]
    public async Task A_conflict_of_a_later_stream_leaves_nothing_of_those_before_even_if_the_transaction_goes_on()
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();
        await Tell(world, "C1");

        await using (var transaction = await shop.Database.BeginTransactionAsync(Cancel))
        {
            foreach (var number in new[] { "A1", "B1", "A1" })
                shop.Publish(Stream(number), new OrderEvent.Placed(number));
            shop.Publish(Stream("C1"), new OrderEvent.Placed("C1"), ExpectedVersion.None);
            await Assert.ThrowsAsync<StreamConflictException>(() => transaction.CommitAsync(Cancel));
            shop.ClearPublished();
            Add(shop, "A1");
            await shop.SaveChangesAsync(Cancel);
            await transaction.CommitAsync(Cancel);
        }

        Assert.Equal(["C1"], await world.Told());
        Assert.Equal(["A1"], await world.Stored());
    }

    /// <summary>No signal and no poll come here, so only the ring can have woken the tail.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Followers_are_woken_by_the_commit(bool isAsync)
    {
        await using var world = await World.Start(provider, declare: headwater =>
            headwater.Configure(options => options.PollInterval = TimeSpan.FromHours(1)).Services.RemoveAll<ISignal>());
        await using var shop = world.Open();
        var following = Follow(world, 3);

        Place(shop, "A1");
        await Save(shop, isAsync);
        shop.Publish(Stream("A2"), new OrderEvent.Placed("A2"));
        await Save(shop, isAsync);
        await using (var transaction = await shop.Database.BeginTransactionAsync(Cancel))
        {
            shop.Publish(Stream("A3"), new OrderEvent.Placed("A3"));
            await transaction.CreateSavepointAsync("own", Cancel);
            await Commit(transaction, isAsync);
        }

        Assert.Equal(["A1", "A2", "A3"], await following);
    }

    [Fact]
    public async Task Expected_versions_count_what_was_published_before()
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();
        await Tell(world, "A1");

        shop.Publish(Stream("A1"), new OrderEvent.Placed("any"));
        shop.Publish(Stream("A1"), new OrderEvent.Placed("exact"), ExpectedVersion.Exactly(2));
        shop.Publish(Stream("A1"), new OrderEvent.Placed("exact too"), ExpectedVersion.Exactly(3));
        var thrown = Assert.Throws<ArgumentException>(() => shop.Publish(Stream("A1"), new OrderEvent.Placed("wrong"), ExpectedVersion.Exactly(3)));
        Assert.Throws<ArgumentException>(() => shop.Publish(Stream("A1"), new OrderEvent.Placed("wrong"), ExpectedVersion.None));
        await shop.SaveChangesAsync(Cancel);

        Assert.Contains("'order-A1' cannot have version 3 then: 3 events were published to it before", thrown.Message, StringComparison.Ordinal);
        Assert.Equal(["A1", "any", "exact", "exact too"], await world.Told());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_transaction_appends_once_right_before_its_commit(bool isAsync)
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();

        await using (var transaction = await shop.Database.BeginTransactionAsync(Cancel))
        {
            Place(shop, "A1");
            await Save(shop, isAsync);
            Place(shop, "A2");
            await Save(shop, isAsync);
            shop.Publish(Stream("A3"), new OrderEvent.Placed("A3"));
            Assert.Equal(0, await world.Seen(shop));
            await Commit(transaction, isAsync);
        }

        Assert.Equal(["A1", "A2", "A3"], await Follow(world, 3));
        Assert.Equal(["A1", "A2"], await world.Stored());
    }

    public static TheoryData<string, bool> Endings => new(
        from how in new[] { "rollback", "dispose", "conflict" } from isAsync in new[] { false, true } select (how, isAsync));

    [Theory]
    [MemberData(nameof(Endings))]
    public async Task A_rollback_takes_back_what_was_published_since_the_begin_and_no_more(string how, bool isAsync)
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();
        await Tell(world, "A1");

        shop.Publish(Stream("before"), new OrderEvent.Placed("before"));
        await using (var transaction = await shop.Database.BeginTransactionAsync(Cancel))
        {
            Place(shop, "within");
            await Save(shop, isAsync);
            if (how == "conflict")
            {
                shop.Publish(Stream("A1"), new OrderEvent.Placed("A1"), ExpectedVersion.None);
                await Assert.ThrowsAsync<StreamConflictException>(() => Commit(transaction, isAsync));
            }
            else if (how == "rollback")
            {
                await (isAsync ? transaction.RollbackAsync(Cancel) : Task.Run(transaction.Rollback, Cancel));
            }
        }

        Assert.Equal(["A1"], await world.Told());
        Assert.Empty(await world.Stored());

        // EF Core holds the row that was rolled back for saved.
        shop.ChangeTracker.Clear();
        Place(shop, "after");
        await Save(shop, isAsync);
        Assert.Equal(["A1", "before", "after"], await world.Told());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_save_that_failed_is_tried_again_with_its_events(bool isAsync)
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();
        Add(shop, "A1");
        await Save(shop, isAsync);

        var order = Place(shop, "A1");
        await Assert.ThrowsAsync<DbUpdateException>(() => Save(shop, isAsync));
        Assert.Empty(await world.Told());
        order.Number = "A2";
        await Save(shop, isAsync);

        Assert.Equal(["A1"], await world.Told());
        Assert.Equal(["A1", "A2"], await world.Stored());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_save_that_failed_within_a_transaction_keeps_its_events_for_the_commit(bool isAsync)
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();
        Add(shop, "A1");
        await Save(shop, isAsync);

        await using (var transaction = await shop.Database.BeginTransactionAsync(Cancel))
        {
            var order = Place(shop, "A1");
            await Assert.ThrowsAsync<DbUpdateException>(() => Save(shop, isAsync));
            order.Number = "A2";
            await Save(shop, isAsync);
            await Commit(transaction, isAsync);
        }

        Assert.Equal(["A1"], await world.Told());
        Assert.Equal(["A1", "A2"], await world.Stored());
    }

    /// <summary>EF Core goes back to a savepoint of its own here, and says nothing of the save that failed.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_row_that_others_changed_keeps_the_events_for_the_commit_and_leaves_savepoints_as_they_are(bool isAsync)
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();
        var order = Add(shop, "A1");
        await Save(shop, isAsync);
        await using (var other = world.Open())
            await other.Orders.ExecuteUpdateAsync(row => row.SetProperty(each => each.Lines, 7), Cancel);

        await using (var transaction = await shop.Database.BeginTransactionAsync(Cancel))
        {
            order.Lines = 1;
            shop.Publish(Stream("A1"), new OrderEvent.Placed("kept"));
            await Assert.ThrowsAsync<DbUpdateConcurrencyException>(() => Save(shop, isAsync));
            await transaction.CreateSavepointAsync("own", Cancel);
            shop.Publish(Stream("A1"), new OrderEvent.Placed("taken back"));
            await transaction.RollbackToSavepointAsync("own", Cancel);
            await Commit(transaction, isAsync);
        }

        Assert.Equal(["kept"], await world.Told());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Savepoints_take_back_what_came_after_them(bool isAsync)
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();

        await using (var transaction = await shop.Database.BeginTransactionAsync(Cancel))
        {
            shop.Publish(Stream("A"), new OrderEvent.Placed("1"));
            await Create("first");
            Place(shop, "A2");
            await Save(shop, isAsync);
            await Create("second");
            shop.Publish(Stream("A"), new OrderEvent.Placed("3"));
            await GoBack("first");
            shop.Publish(Stream("A"), new OrderEvent.Placed("4"));
            await Create("third");
            shop.Publish(Stream("A"), new OrderEvent.Placed("5"), ExpectedVersion.Exactly(2));
            await Commit(transaction, isAsync);

            Task Create(string name) => isAsync ? transaction.CreateSavepointAsync(name, Cancel) : Task.Run(() => transaction.CreateSavepoint(name), Cancel);

            Task GoBack(string name) =>
                isAsync ? transaction.RollbackToSavepointAsync(name, Cancel) : Task.Run(() => transaction.RollbackToSavepoint(name), Cancel);
        }

        Assert.Equal(["1", "4", "5"], await world.Told());
        Assert.Empty(await world.Stored());
    }

    [Fact]
    public async Task What_was_appended_for_a_savepoint_is_published_again_after_a_rollback_if_it_came_before_the_begin()
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();

        Add(shop, "A1");
        shop.Publish(Stream("A1"), new OrderEvent.Placed("A1"), ExpectedVersion.None);
        await using (var transaction = await shop.Database.BeginTransactionAsync(Cancel))
            await transaction.CreateSavepointAsync("own", Cancel);
        await Tell(world, "A1");

        // A single row would be saved without a transaction, were nothing published.
        await Assert.ThrowsAsync<StreamConflictException>(() => shop.SaveChangesAsync(Cancel));
        Assert.Empty(await world.Stored());
    }

    [Fact]
    public async Task What_was_cleared_does_not_come_back_with_a_rollback()
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();

        shop.Publish(Stream("A1"), new OrderEvent.Placed("A1"));
        await using (await shop.Database.BeginTransactionAsync(Cancel))
            shop.ClearPublished();
        Add(shop, "A2");
        await shop.SaveChangesAsync(Cancel);

        Assert.Empty(await world.Told());
        Assert.Equal(["A2"], await world.Stored());
    }

    private static StreamId Stream(string key) => new("order", key);

    private static Order Add(Shop shop, string number) => shop.Orders.Add(new Order { Number = number }).Entity;

    /// <summary>A row, and the event that tells of it.</summary>
    private static Order Place(Shop shop, string number)
    {
        var order = Add(shop, number);
        shop.Publish(Stream(number), new OrderEvent.Placed(number));
        return order;
    }

    /// <summary>Appends past EF Core.</summary>
    private static async Task Tell(World world, string number) => Assert.IsType<AppendResult.Appended>(
        await world.Log.Append(Stream(number), ExpectedVersion.Any, [new OrderEvent.Placed(number)], cancel: Cancel));

    private static Task<int> Save(Shop shop, bool isAsync) => isAsync ? shop.SaveChangesAsync(Cancel) : Task.Run(shop.SaveChanges, Cancel);

    private static Task Commit(IDbContextTransaction transaction, bool isAsync) =>
        isAsync ? transaction.CommitAsync(Cancel) : Task.Run(transaction.Commit, Cancel);

    private static async Task<List<string>> Follow(World world, int count)
    {
        var told = new List<string>();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        await foreach (var page in world.Log.Follow(LogFilter.Everything, Position.Start, limit.Token))
        {
            told.AddRange(page.Events.Select(happened => ((OrderEvent.Placed)happened.Event).Number));
            if (told.Count >= count)
                break;
        }

        return told;
    }
}
