using CsCheck;

namespace Headwater.Specifications;

/// <summary>What changed since a position, and what happens when that can no longer be said.</summary>
public abstract partial class ReadModelStoreSpecification
{
    [Fact]
    public async Task Changes_come_oldest_first_with_only_the_newest_state_of_each_row()
    {
        await Prepare();
        await Commit(0, 3, Row("a", 1, "1"), Row("b", 2, "2"), Row("c", 3, "3"));
        await Commit(3, 4, Row("a", 4, "4"));

        var page = await Changes(0);
        Assert.Equal([("b", "2"), ("c", "3"), ("a", "4")], page.Rows.Select(row => (row.Key, Text(row))));
        Assert.Equal(new Position(4), page.Next);
        Assert.Equal(["a"], Keys(await Changes(3)));
        Assert.Empty(Keys(await Changes(4)));
        Assert.Equal(new Position(4), (await Changes(4)).Next);
    }

    [Fact]
    public async Task Changes_go_on_to_the_checkpoint_even_if_no_row_changed()
    {
        await Prepare();
        await Commit(0, 9, Row("a", 2));

        Assert.Equal(new Position(9), (await Changes(0)).Next);
        Assert.Equal(new Position(9), (await Changes(5)).Next);
        Assert.Equal(new Position(12), (await Changes(12)).Next);
    }

    [Fact]
    public async Task Deletions_are_told_also_at_the_start()
    {
        await Prepare();
        await Commit(0, 2, Row("a", 1), Row("b", 2));
        await Commit(2, 3, Deleted("a", 3));

        Assert.Equal([("b", "{}"), ("a", null)], (await Changes(1)).Rows.Select(row => (row.Key, Text(row))));
        Assert.Equal(["b", "a"], Keys(await Changes(0)));
        Assert.Equal(new Position(3), (await Changes(0)).Next);
    }

    [Fact]
    public async Task Changes_of_one_row_are_told_alone()
    {
        await Prepare();
        await Commit(0, 3, Row("a", 1), Row("b", 2), Deleted("c", 3));

        var page = await Models.ReadChanges(Model, "a", Position.Start, 10, Cancel);
        Assert.Equal(["a"], Keys(page));
        Assert.Equal(new Position(3), page.Next);
        Assert.Empty(Keys(await Models.ReadChanges(Model, "a", new Position(1), 10, Cancel)));
        Assert.Equal(["c"], Keys(await Models.ReadChanges(Model, "c", new Position(1), 10, Cancel)));
        Assert.Empty(Keys(await Models.ReadChanges(Model, "none", Position.Start, 10, Cancel)));
    }

    [Fact]
    public async Task Rows_changed_by_one_event_are_never_parted()
    {
        await Prepare();
        await Commit(0, 2, Row("a", 1), Row("b", 2), Row("c", 2), Row("d", 2));
        await Commit(2, 5, Row("e", 4));

        var first = await Changes(0, limit: 2);
        Assert.Equal(["a", "b", "c", "d"], Keys(first).Order());
        Assert.Equal(new Position(2), first.Next);
        Assert.Equal(["a"], Keys(await Changes(0, limit: 1)));
        Assert.Equal(new Position(1), (await Changes(0, limit: 1)).Next);
        var last = await Changes(2, limit: 1);
        Assert.Equal(["e"], Keys(last));
        Assert.True(last.Next == new Position(4) || last.Next == new Position(5), $"After the last change comes 4, or the checkpoint, and not {last.Next}.");
    }

    /// <summary>A client that applies pages of changes in any size always ends with the rows as they are.</summary>
    [Fact]
    public async Task Whoever_applies_the_changes_page_by_page_has_the_rows_in_the_end()
    {
        await Prepare();
        var (at, seen) = (0, Position.Start);
        var copy = new Dictionary<string, string?>();
        var genChange = Gen.Select(Gen.Int[0, 5], Gen.Int[0, 3], Gen.Int[0, 99]);
        await Gen.Select(genChange.Array[0, 8], Gen.Int[1, 4]).SampleAsync(async (changes, limit) =>
        {
            // Every event changes up to three rows, and of a row changed twice only the newest is written, as a projection does.
            var rows = new Dictionary<string, StoredRow>();
            var position = at;
            foreach (var (key, deletes, value) in changes)
            {
                position += value % 3 == 0 ? 1 : 0;
                rows[$"k{key}"] = deletes == 0 ? Deleted($"k{key}", Math.Max(position, at + 1)) : Row($"k{key}", Math.Max(position, at + 1), $"{value}");
            }

            await Commit(at, Math.Max(position, at + 1), [.. rows.Values]);
            at = Math.Max(position, at + 1);
            for (var next = Position.Max; seen < next;)
            {
                var page = await Models.ReadChanges(Model, null, seen, limit, Cancel);
                Assert.All(page.Rows, row => Assert.True(row.Position > seen && row.Position <= page.Next));
                foreach (var row in page.Rows)
                    copy[row.Key] = Text(row);
                next = page.State.Checkpoint.Position;
                Assert.True(page.Next <= next);
                seen = page.Next;
            }

            Assert.Equal(
                (await Models.FindRows(Model, [], null, 100, Cancel)).Rows.Select(row => (row.Key, Text(row))),
                copy.Where(row => row.Value is not null).OrderBy(row => row.Key, StringComparer.Ordinal).Select(row => (row.Key, row.Value)));
        }, iter: 60, threads: 1);
    }

    [Fact]
    public async Task Trimming_forgets_deletions_up_to_a_position_and_says_so()
    {
        await Prepare();
        await Commit(0, 2, Row("a", 1), Row("b", 1), Row("c", 2));
        await Commit(2, 5, Deleted("a", 3), Deleted("b", 5));

        await Models.TrimTombstones(Model, new Position(4), Cancel);

        Assert.Equal(["c", "b"], Keys(await Changes(1)));
        var state = await Models.State(Model, Cancel);
        Assert.InRange(state.TrimmedTo.Value, 3, 4);
        Assert.Equal(new Position(5), state.Checkpoint.Position);
        Assert.Equal(state, (await Changes(1)).State);
    }

    [Fact]
    public async Task Trimming_never_goes_back_and_never_beyond_the_checkpoint()
    {
        await Prepare();
        await Commit(0, 5, Deleted("a", 3), Deleted("b", 5), Row("c", 4));

        await Models.TrimTombstones(Model, new Position(100), Cancel);
        await Models.TrimTombstones(Model, new Position(1), Cancel);

        Assert.Equal(new Position(5), (await Models.State(Model, Cancel)).TrimmedTo);
        Assert.Equal(["c"], Keys(await Changes(1)));
    }

    [Fact]
    public async Task Resetting_empties_the_read_model_and_begins_its_next_generation()
    {
        await Prepare("n");
        await Commit(0, 5, Row("a", 4, "{\"n\":1}"), Deleted("b", 5));
        await Models.TrimTombstones(Model, new Position(5), Cancel);

        await Models.Reset(Model, null, Cancel);

        Assert.Equal(new ReadModelState(new Checkpoint(Position.Start, 1), Position.Start), await Models.State(Model, Cancel));
        Assert.Empty((await Models.FindRows(Model, [], null, 10, Cancel)).Rows);
        Assert.Empty((await Models.FindRows(Model, [new("n", "1")], null, 10, Cancel)).Rows);
        Assert.Empty((await Changes(1)).Rows);
        Assert.False(await Models.Commit(new ProjectionCommit(Model, default, new Position(5), []), Cancel));
        await Commit(0, 1, Row("a", 1));
        await Models.Reset(Model, null, Cancel);
        Assert.Equal(2, (await Models.State(Model, Cancel)).Checkpoint.Generation);
    }

    private ValueTask<RowPage> Changes(long after, int limit = 100) =>
        Models.ReadChanges(Model, null, new Position(after), limit, Cancel);
}
