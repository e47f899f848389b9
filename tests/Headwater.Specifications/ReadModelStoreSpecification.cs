using System.Text;

namespace Headwater.Specifications;

/// <summary>What every <see cref="IReadModelStore"/> keeps: rows and checkpoints.</summary>
public abstract partial class ReadModelStoreSpecification(StoreUnderTest subject) : StoreSpecification(subject)
{
    private const string Model = "board";

    private IReadModelStore Models => Stores.ReadModels;

    [Fact]
    public async Task A_new_read_model_is_empty_and_stands_at_the_start()
    {
        await Prepare();

        Assert.Equal(default, await Models.State(Model, Cancel));
        Assert.Empty((await Models.ReadRow(Model, "a", Cancel)).Rows);
        Assert.Empty((await Models.FindRows(Model, [], null, 10, Cancel)).Rows);
        var changes = await Models.ReadChanges(Model, null, Position.Start, 10, Cancel);
        Assert.Empty(changes.Rows);
        Assert.Equal(Position.Start, changes.Next);
    }

    [Fact]
    public async Task Preparing_again_keeps_the_rows_even_with_other_indexes()
    {
        await Prepare("from");
        await Commit(0, 3, Row("a", 3, """{"from":"ATL","to":"JFK"}"""));

        await Prepare("to", "from");

        Assert.Equal(["a"], Keys(await Models.FindRows(Model, [new("to", "JFK")], null, 10, Cancel)));
        Assert.Equal(["a"], Keys(await Models.FindRows(Model, [new("from", "ATL")], null, 10, Cancel)));
        await Prepare();
        Assert.Equal(["a"], Keys(await Models.FindRows(Model, [], null, 10, Cancel)));
        Assert.Equal(new Position(3), (await Models.State(Model, Cancel)).Checkpoint.Position);
    }

    [Fact]
    public async Task A_row_is_read_as_it_was_written_with_the_state_of_the_same_snapshot()
    {
        await Prepare();
        await Commit(0, 7, Row("a", 5, """{"x":"Zoë 🚀 ' \" \\"}"""));

        var page = await Models.ReadRow(Model, "a", Cancel);
        var row = Assert.Single(page.Rows);
        Assert.Equal(("a", new Position(5), """{"x":"Zoë 🚀 ' \" \\"}"""), (row.Key, row.Position, Text(row)));
        Assert.Equal(new ReadModelState(new Checkpoint(new Position(7), 0), Position.Start), page.State);
    }

    [Fact]
    public async Task A_row_is_replaced_and_takes_the_position_of_its_last_change()
    {
        await Prepare();
        await Commit(0, 1, Row("a", 1, "{\"n\":1}"));
        await Commit(1, 2, Row("a", 2, "{\"n\":2}"));

        var row = Assert.Single((await Models.ReadRow(Model, "a", Cancel)).Rows);
        Assert.Equal((new Position(2), "{\"n\":2}"), (row.Position, Text(row)));
        Assert.Single((await Models.FindRows(Model, [], null, 10, Cancel)).Rows);
    }

    [Fact]
    public async Task A_deleted_row_is_none_and_may_come_back()
    {
        await Prepare("n");
        await Commit(0, 1, Row("a", 1, "{\"n\":1}"), Row("b", 1, "{\"n\":1}"));
        await Commit(1, 2, Deleted("a", 2));

        Assert.Empty((await Models.ReadRow(Model, "a", Cancel)).Rows);
        Assert.Equal(["b"], Keys(await Models.FindRows(Model, [], null, 10, Cancel)));
        Assert.Equal(["b"], Keys(await Models.FindRows(Model, [new("n", "1")], null, 10, Cancel)));

        await Commit(2, 3, Row("a", 3, "{\"n\":2}"));
        Assert.Equal("{\"n\":2}", Text(Assert.Single((await Models.ReadRow(Model, "a", Cancel)).Rows)));
    }

    [Fact]
    public async Task Read_models_do_not_touch_each_other()
    {
        await Prepare();
        await Models.Prepare(new ReadModelSchema("other", []), null, Cancel);
        await Commit(0, 1, Row("a", 1));

        Assert.Equal(default, await Models.State("other", Cancel));
        Assert.Empty((await Models.ReadRow("other", "a", Cancel)).Rows);
        await Models.Reset("other", null, Cancel);
        Assert.Single((await Models.ReadRow(Model, "a", Cancel)).Rows);
    }

    [Fact]
    public async Task A_commit_from_elsewhere_changes_nothing()
    {
        await Prepare();
        await Commit(0, 5, Row("a", 5, "{\"n\":1}"));
        var state = await Models.State(Model, Cancel);

        foreach (var from in new[] { default, new Checkpoint(new Position(4), 0), new Checkpoint(new Position(6), 0), new Checkpoint(new Position(5), 1), new Checkpoint(new Position(5), 0, 1) })
        {
            var skipped = new SkippedEvent(new Position(9), Stream("1"), "opened", "no", Subject.Time.GetUtcNow());
            Assert.False(await Models.Commit(new ProjectionCommit(Model, from, new Position(9), [Row("a", 9), Row("b", 9)]) { Skipped = skipped }, Cancel));
        }

        Assert.Equal(state, await Models.State(Model, Cancel));
        Assert.Equal("{\"n\":1}", Text(Assert.Single((await Models.FindRows(Model, [], null, 10, Cancel)).Rows)));
        Assert.Empty(await Stores.Checkpoints.ReadSkipped(Model, 10, Cancel));
    }

    [Fact]
    public async Task Who_claims_goes_on_where_the_former_owner_stood_and_that_one_can_commit_no_more()
    {
        await Prepare();
        await Commit(0, 5, Row("a", 5, "{\"n\":1}"));
        var before = (await Models.State(Model, Cancel)).Checkpoint;
        var claimed = new Checkpoint(new Position(5), 0, 3);

        Assert.Equal(claimed, await Models.Claim(Model, 3, Cancel));

        Assert.False(await Models.Commit(new ProjectionCommit(Model, before, new Position(9), [Row("a", 9), Row("b", 9)]), Cancel));
        var page = await Models.FindRows(Model, [], null, 10, Cancel);
        Assert.Equal((claimed, "{\"n\":1}"), (page.State.Checkpoint, Text(Assert.Single(page.Rows))));
        Assert.True(await Models.Commit(new ProjectionCommit(Model, claimed, new Position(7), [Row("b", 7)]), Cancel));
        Assert.Equal(claimed with { Position = new Position(7) }, (await Models.State(Model, Cancel)).Checkpoint);
    }

    [Fact]
    public async Task A_claim_that_is_not_higher_changes_nothing_and_a_new_read_model_can_be_claimed()
    {
        await Prepare();
        Assert.Equal(default, await Models.Claim(Model, 0, Cancel));
        var claimed = new Checkpoint(Position.Start, 0, 3);

        foreach (var fence in new long[] { 3, 2, 0, 3 })
            Assert.Equal(claimed, await Models.Claim(Model, fence, Cancel));

        Assert.Equal(claimed, (await Models.State(Model, Cancel)).Checkpoint);
        Assert.False(await Models.Commit(new ProjectionCommit(Model, default, new Position(1), [Row("a", 1)]), Cancel));
        Assert.True(await Models.Commit(new ProjectionCommit(Model, claimed, new Position(1), [Row("a", 1)]), Cancel));
    }

    [Fact]
    public async Task A_reset_keeps_the_fence()
    {
        await Prepare();
        await Commit(0, 5, Row("a", 5));
        await Models.Claim(Model, 3, Cancel);

        await Models.Reset(Model, null, Cancel);

        Assert.Equal(new Checkpoint(Position.Start, 1, 3), (await Models.State(Model, Cancel)).Checkpoint);
    }

    [Fact]
    public async Task A_commit_without_rows_moves_the_checkpoint()
    {
        await Prepare();
        await Commit(0, 5);

        Assert.Equal(new Checkpoint(new Position(5), 0), (await Models.State(Model, Cancel)).Checkpoint);
    }

    [Fact]
    public async Task Of_many_commits_from_one_place_one_wins_with_all_its_rows()
    {
        await Prepare();
        var won = await Task.WhenAll(Enumerable.Range(0, 12).Select(n => Task.Run(async () => (n, await Models.Commit(
            new ProjectionCommit(Model, default, new Position(n + 1), [Row("a", n + 1, $"{n}"), Row("b", n + 1, $"{n}")]), Cancel)), Cancel)));

        var (winner, _) = Assert.Single(won, each => each.Item2);
        var page = await Models.FindRows(Model, [], null, 10, Cancel);
        Assert.All(page.Rows, row => Assert.Equal($"{winner}", Text(row)));
        Assert.Equal(new Position(winner + 1), page.State.Checkpoint.Position);
    }

    /// <summary>Both rows and the checkpoint say the same number in every commit, so a torn snapshot shows.</summary>
    [Fact]
    public async Task Rows_and_state_are_of_one_snapshot_while_commits_go_on()
    {
        await Prepare("n");
        var writing = Task.Run(async () =>
        {
            for (var n = 0; n < 150; n++)
                await Commit(n, n + 1, Row("a", n + 1, $$"""{"n":{{n + 1}}}"""), Row("b", n + 1, $$"""{"n":{{n + 1}}}"""));
        }, Cancel);

        while (!writing.IsCompleted)
        {
            foreach (var page in new[]
            {
                await Models.FindRows(Model, [], null, 10, Cancel), await Models.ReadRow(Model, "b", Cancel),
                await Models.ReadChanges(Model, null, Position.Start, 10, Cancel),
            })
                Assert.All(page.Rows, row => Assert.Equal(page.State.Checkpoint.Position, row.Position));
            await Task.Yield();
        }

        await writing;
    }

    [Fact]
    public async Task A_skipped_event_is_recorded_with_the_commit()
    {
        await Prepare();
        var skipped = new SkippedEvent(new Position(2), Stream("1"), "opened", "it's \"bad\"", Subject.Time.GetUtcNow());
        Assert.True(await Models.Commit(new ProjectionCommit(Model, default, new Position(2), []) { Skipped = skipped }, Cancel));

        Assert.Equal([skipped], await Stores.Checkpoints.ReadSkipped(Model, 10, Cancel));
        Assert.Equal(new Position(2), (await Models.State(Model, Cancel)).Checkpoint.Position);
    }

    [Fact]
    public async Task Rows_and_checkpoint_are_there_when_the_store_is_opened_again()
    {
        await Prepare("n");
        await Commit(0, 3, Row("a", 2, "{\"n\":1}"), Deleted("b", 3));
        await Reopen();
        await Prepare("n");

        var page = await Models.FindRows(Model, [new("n", "1")], null, 10, Cancel);
        Assert.Equal(["a"], Keys(page));
        Assert.Equal(new Checkpoint(new Position(3), 0), page.State.Checkpoint);
        Assert.Equal(["b"], Keys(await Models.ReadChanges(Model, null, new Position(2), 10, Cancel)));
    }

    [Fact]
    public async Task The_log_that_is_told_first_stays_on_record()
    {
        Assert.Equal("aaaa", await Models.Bind("aaaa", Cancel));
        Assert.Equal("aaaa", await Models.Bind("bbbb", Cancel));
        await Reopen();
        Assert.Equal("aaaa", await Models.Bind("bbbb", Cancel));
    }

    [Fact]
    public async Task A_projection_that_writes_tables_is_refused_by_a_store_without_them()
    {
        Assert.SkipWhen(Subject.Capabilities.HasFlag(Capabilities.Tables), "The store has tables.");
        await Prepare();

        await Assert.ThrowsAsync<NotSupportedException>(async () =>
            await Models.Prepare(new ReadModelSchema("tables", []), (_, _) => ValueTask.CompletedTask, Cancel));
        await Assert.ThrowsAsync<NotSupportedException>(async () =>
            await Models.Commit(new ProjectionCommit(Model, default, new Position(1), []) { Tables = (_, _) => ValueTask.CompletedTask }, Cancel));
        await Assert.ThrowsAsync<NotSupportedException>(async () =>
            await Models.Reset(Model, (_, _) => ValueTask.CompletedTask, Cancel));
        Assert.Equal(default, await Models.State(Model, Cancel));
    }

    private ValueTask Prepare(params string[] fields) => Models.Prepare(new ReadModelSchema(Model, fields), null, Cancel);

    private async ValueTask Commit(long from, long to, params StoredRow[] rows)
    {
        var generation = (await Models.State(Model, Cancel)).Checkpoint.Generation;
        Assert.True(await Models.Commit(
            new ProjectionCommit(Model, new Checkpoint(new Position(from), generation), new Position(to), rows), Cancel));
    }

    private static StoredRow Row(string key, long position, string json = "{}") =>
        new(key, new Position(position), Encoding.UTF8.GetBytes(json));

    private static StoredRow Deleted(string key, long position) => new(key, new Position(position), null);

    private static string? Text(StoredRow row) => row.Data is { } data ? Encoding.UTF8.GetString(data.Span) : null;

    private static IEnumerable<string> Keys(RowPage page) => page.Rows.Select(row => row.Key);
}
