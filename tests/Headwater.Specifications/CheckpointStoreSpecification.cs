namespace Headwater.Specifications;

/// <summary>What every <see cref="ICheckpointStore"/> keeps.</summary>
public abstract class CheckpointStoreSpecification(StoreUnderTest subject) : StoreSpecification(subject)
{
    private ICheckpointStore Checkpoints => Stores.Checkpoints;

    [Fact]
    public async Task A_new_subscription_stands_at_the_start()
    {
        Assert.Equal(default, await Checkpoints.Load("mail", Cancel));
        Assert.Empty(await Checkpoints.ReadSkipped("mail", 10, Cancel));
    }

    [Fact]
    public async Task A_subscription_stands_where_it_was_moved_to()
    {
        Assert.True(await Save(0, 5));
        Assert.True(await Save(5, 9));

        Assert.Equal(At(9), await Checkpoints.Load("mail", Cancel));
        Assert.Equal(default, await Checkpoints.Load("other", Cancel));
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(4, 0, 0)]
    [InlineData(6, 0, 0)]
    [InlineData(5, 1, 0)]
    [InlineData(5, 0, 1)]
    public async Task A_move_from_elsewhere_changes_nothing(long from, int generation, long fence)
    {
        await Save(0, 5);

        Assert.False(await Checkpoints.Save("mail", new Checkpoint(new Position(from), generation, fence), new Position(9), Skipped(9), Cancel));

        Assert.Equal(At(5), await Checkpoints.Load("mail", Cancel));
        Assert.Empty(await Checkpoints.ReadSkipped("mail", 10, Cancel));
    }

    [Fact]
    public async Task Who_claims_goes_on_where_the_former_owner_stood_and_that_one_can_save_no_more()
    {
        await Save(0, 5);

        Assert.Equal(At(5) with { Fence = 3 }, await Checkpoints.Claim("mail", 3, Cancel));

        Assert.False(await Save(5, 9, Skipped(9)));
        Assert.Equal(At(5) with { Fence = 3 }, await Checkpoints.Load("mail", Cancel));
        Assert.Empty(await Checkpoints.ReadSkipped("mail", 10, Cancel));
        Assert.True(await Checkpoints.Save("mail", At(5) with { Fence = 3 }, new Position(7), null, Cancel));
        Assert.Equal(At(7) with { Fence = 3 }, await Checkpoints.Load("mail", Cancel));
    }

    [Fact]
    public async Task What_nobody_has_saved_yet_can_be_claimed()
    {
        Assert.Equal(At(0) with { Fence = 2 }, await Checkpoints.Claim("mail", 2, Cancel));

        Assert.False(await Save(0, 5));
        Assert.True(await Checkpoints.Save("mail", At(0) with { Fence = 2 }, new Position(5), null, Cancel));
        Assert.Equal(At(5) with { Fence = 2 }, await Checkpoints.Load("mail", Cancel));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_claim_that_is_not_higher_changes_nothing_and_is_told_who_is(long fence)
    {
        await Save(0, 5);
        await Checkpoints.Claim("mail", 3, Cancel);

        Assert.Equal(At(5) with { Fence = 3 }, await Checkpoints.Claim("mail", fence, Cancel));

        Assert.Equal(At(5) with { Fence = 3 }, await Checkpoints.Load("mail", Cancel));
        Assert.Equal(default, await Checkpoints.Claim("other", 0, Cancel));
    }

    [Fact]
    public async Task Of_many_moves_from_one_place_one_wins()
    {
        var moved = await Task.WhenAll(Enumerable.Range(1, 12).Select(to => Task.Run(async () => (to, await Save(0, to)), Cancel)));

        var (winner, _) = Assert.Single(moved, each => each.Item2);
        Assert.Equal(At(winner), await Checkpoints.Load("mail", Cancel));
    }

    [Fact]
    public async Task Skipped_events_are_read_newest_first_up_to_a_limit()
    {
        for (var at = 0; at < 4; at++)
            Assert.True(await Save(at, at + 1, Skipped(at + 1)));
        Assert.True(await Save(4, 9));

        Assert.Equal([Skipped(4), Skipped(3)], await Checkpoints.ReadSkipped("mail", 2, Cancel));
        Assert.Equal(4, (await Checkpoints.ReadSkipped("mail", 10, Cancel)).Count);
        Assert.Empty(await Checkpoints.ReadSkipped("other", 10, Cancel));
    }

    [Fact]
    public async Task Checkpoints_and_skipped_events_are_there_when_the_store_is_opened_again()
    {
        await Save(0, 3, Skipped(3));
        await Checkpoints.Claim("mail", 4, Cancel);
        await Reopen();

        Assert.Equal(At(3) with { Fence = 4 }, await Checkpoints.Load("mail", Cancel));
        Assert.Equal([Skipped(3)], await Checkpoints.ReadSkipped("mail", 10, Cancel));
    }

    private ValueTask<bool> Save(long from, long to, SkippedEvent? skipped = null) =>
        Checkpoints.Save("mail", At(from), new Position(to), skipped, Cancel);

    private static Checkpoint At(long position) => new(new Position(position), 0);

    private SkippedEvent Skipped(long position) => new(
        new Position(position), new StreamId("order", "a 'b' ü🚀"), "opened", "it's \"bad\"\nand long: " + new string('x', 3000),
        Subject.Time.GetUtcNow().AddMicroseconds(position));
}
