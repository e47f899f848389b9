using System.Transactions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.EntityFrameworkCore.Tests;

/// <summary>Retries, pools, transactions of others, and what is refused.</summary>
public abstract partial class OutboxSpecification
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_save_that_is_retried_appends_once(bool isAsync)
    {
        var disturbed = new Interference();
        await using var world = await World.Start(provider, retries: true, options => options.AddInterceptors(disturbed));
        await using var shop = world.Open();

        disturbed.Committing = Once(() => throw new TimeoutException("planted"));
        Place(shop, "A1");
        shop.Publish(Stream("A1"), new OrderEvent.Placed("A1 again"), ExpectedVersion.Exactly(1));
        await Save(shop, isAsync);
        Assert.Equal(["A1", "A1 again"], await world.Told());

        disturbed.Committing = Once(() => throw new TimeoutException("planted"));
        shop.Publish(Stream("A2"), new OrderEvent.Placed("A2"));
        await Save(shop, isAsync);

        Assert.Equal(["A1", "A1 again", "A2"], await world.Told());
        Assert.Equal(["A1"], await world.Stored());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_save_that_is_retried_after_its_own_success_appends_once(bool isAsync)
    {
        var disturbed = new Interference();
        await using var world = await World.Start(provider, retries: true, options => options.AddInterceptors(disturbed));
        await using var shop = world.Open();

        disturbed.Committed = Once(() => throw new TimeoutException("planted"));
        shop.Publish(Stream("A1"), new OrderEvent.Placed("A1"), ExpectedVersion.None);
        await Save(shop, isAsync);
        shop.Publish(Stream("A1"), new OrderEvent.Placed("A1 again"), ExpectedVersion.Exactly(1));
        await Save(shop, isAsync);

        Assert.Equal(["A1", "A1 again"], await world.Told());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_block_that_is_retried_as_a_whole_appends_once(bool isAsync)
    {
        var disturbed = new Interference();
        await using var world = await World.Start(provider, retries: true, options => options.AddInterceptors(disturbed));
        await using var shop = world.Open();
        disturbed.Committing = Once(() => throw new TimeoutException("planted"));

        var attempts = 0;
        shop.Publish(Stream("before"), new OrderEvent.Placed("before"));
        await shop.Database.CreateExecutionStrategy().ExecuteAsync(async () =>
        {
            attempts++;
            shop.ChangeTracker.Clear();
            await using var transaction = await shop.Database.BeginTransactionAsync(Cancel);
            Place(shop, "A1");
            await Save(shop, isAsync);
            await Commit(transaction, isAsync);
        });

        Assert.Equal(2, attempts);
        Assert.Equal(["before", "A1"], await world.Told());
        Assert.Equal(["A1"], await world.Stored());
    }

    [Fact]
    public async Task An_interceptor_of_the_application_may_publish_while_a_single_row_is_saved()
    {
        var own = new Interference();
        await using var world = await World.Start(provider, options: options => options.AddInterceptors(own));
        await using var shop = world.Open();
        await Tell(world, "A1");
        own.Saving = saving => saving.Publish(Stream("A1"), new OrderEvent.Placed("A1"), ExpectedVersion.None);

        Add(shop, "A1");
        await Assert.ThrowsAsync<StreamConflictException>(() => shop.SaveChangesAsync(Cancel));
        Assert.Empty(await world.Stored());

        shop.ClearPublished();
        own.Saving = saving => saving.Publish(Stream("A1"), new OrderEvent.Placed("from an interceptor"), ExpectedVersion.Exactly(1));
        await shop.SaveChangesAsync(Cancel);
        Assert.Equal(["A1"], await world.Stored());
        Assert.Equal(["A1", "from an interceptor"], await world.Told());
    }

    [Fact]
    public async Task A_pooled_context_forgets_what_was_published_and_not_saved()
    {
        await using var world = await World.Start(provider);
        Guid first;
        await using (var shop = world.Open())
        {
            first = shop.ContextId.InstanceId;
            shop.Publish(Stream("A1"), new OrderEvent.Placed("A1"));
            await shop.Database.BeginTransactionAsync(Cancel);
            shop.Publish(Stream("A1"), new OrderEvent.Placed("A1"));
        }

        await using (var shop = world.Open())
        {
            Assert.Equal(first, shop.ContextId.InstanceId);
            Assert.Equal(AutoTransactionBehavior.WhenNeeded, shop.Database.AutoTransactionBehavior);
            Place(shop, "A2");
            await shop.SaveChangesAsync(Cancel);
        }

        Assert.Equal(["A2"], await world.Told());
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, true)]
    [InlineData(true, false)]
    public async Task In_a_transaction_of_others_a_save_hands_its_events_over(bool isAsync, bool isCommitted)
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();
        await using var connection = await provider.Connect();
        shop.Database.SetDbConnection(connection);
        await using (var transaction = await connection.BeginTransactionAsync(Cancel))
        {
            await shop.Database.UseTransactionAsync(transaction, Cancel);
            Place(shop, "A1");
            await Save(shop, isAsync);
            shop.Publish(Stream("A2"), new OrderEvent.Placed("A2"));
            await Save(shop, isAsync);
            Assert.Empty(await world.Told());
            await (isCommitted ? transaction.CommitAsync(Cancel) : transaction.RollbackAsync(Cancel));
        }

        await shop.Database.UseTransactionAsync(null, Cancel);
        Assert.Equal(isCommitted ? ["A1", "A2"] : [], await world.Told());
        Assert.Equal(isCommitted ? ["A1"] : [], await world.Stored());
        if (isCommitted)
            await Follow(world, 2);

        shop.ChangeTracker.Clear();
        Place(shop, "A3");
        await Save(shop, isAsync);
        Assert.Equal("A3", (await world.Told())[^1]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_ambient_transaction_is_refused_before_anything_is_saved(bool isAsync)
    {
        await using var world = await World.Start(provider);
        await using var shop = world.Open();
        Place(shop, "A1");
        using (new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
        {
            var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => Save(shop, isAsync));
            Assert.Contains("Database.BeginTransaction", thrown.Message, StringComparison.Ordinal);
        }

        Assert.Empty(await world.Stored());
        await Save(shop, isAsync);
        Assert.Equal(["A1"], await world.Told());
    }

    [Fact]
    public async Task Many_contexts_beside_ordinary_appends_leave_no_holes()
    {
        await using var world = await World.Start(provider);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; i < 10; i++)
            {
                await using var shop = world.Open();
                var order = Add(shop, $"{writer}/{i}");
                shop.Publish(Stream("shared"), new OrderEvent.Placed(order.Number));
                await shop.SaveChangesAsync(Cancel);
                await Tell(world, "shared");
            }
        }, Cancel)));

        Assert.Equal(80, (await Follow(world, 80)).Count);
        var shared = await world.Log.ReadStream(Stream("shared"), limit: 100, cancel: Cancel);
        Assert.Equal(Enumerable.Range(1, 80).Select(version => (long)version), shared.Select(happened => happened.Version));
        Assert.Equal(40, (await world.Stored()).Count);
    }

    [Fact]
    public async Task A_handler_may_use_contexts_that_publish()
    {
        await using var world = await World.Start(
            provider, declare: headwater => headwater.AddSubscription<Answering>("answering"));
        await using var shop = world.Open();

        Place(shop, "A1");
        await shop.SaveChangesAsync(Cancel);

        Assert.Equal(["A1", "answer to A1"], await Follow(world, 2));
    }

    [Fact]
    public async Task A_context_that_does_not_use_Headwater_says_what_is_missing()
    {
        var plain = new DbContextOptionsBuilder<Shop>();
        provider.Use(plain, null);
        await using (var shop = new Shop(plain.Options))
            Assert.Contains("call UseHeadwater", Assert.Throws<InvalidOperationException>(() => shop.Publish(Stream("A1"), new OrderEvent.Placed("A1"))).Message, StringComparison.Ordinal);

        await using var nothing = new ServiceCollection().BuildServiceProvider();
        await using (var shop = new Shop(plain.UseHeadwater(nothing).Options))
            Assert.Contains("call AddHeadwater", Assert.Throws<InvalidOperationException>(() => shop.Publish(Stream("A1"), new OrderEvent.Placed("A1"))).Message, StringComparison.Ordinal);
        await provider.DisposeAsync();
    }

    private static Action Once(Action act)
    {
        var isDone = false;
        return () =>
        {
            if (isDone)
                return;
            isDone = true;
            act();
        };
    }

    /// <summary>It is made with the log, and its contexts ask for the log.</summary>
    private sealed class Answering(IDbContextFactory<Shop> shops) : ISubscriptionHandler
    {
        public async ValueTask Handle(RecordedEvent happened, CancellationToken cancel)
        {
            var placed = (OrderEvent.Placed)happened.Event;
            if (placed.Number.StartsWith("answer", StringComparison.Ordinal))
                return;
            await using var shop = await shops.CreateDbContextAsync(cancel);
            shop.Publish(happened.Stream, new OrderEvent.Placed($"answer to {placed.Number}"));
            await shop.SaveChangesAsync(cancel);
        }
    }
}
