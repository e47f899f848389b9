using System.Text.Json;
using CsCheck;

namespace Headwater.Specifications;

/// <summary>Finding rows by their indexed fields, page by page.</summary>
public abstract partial class ReadModelStoreSpecification
{
    private static readonly string[] hostile =
    [
        "'", "''", "\"", "\\", "%", "_", "a%", "--", "; drop table row", "?1", "@key", "$a", "[a]", "\t", " ", " a", "a ", "A", "a", "ä", "Ä",
        "ﬀ", "🚀", "🚀b", "日本", "\u200b", "\u00e9", "e\u0301", "null", "true", "1", "01", "1.0", "{\"a\":1}", new('x', 256),
    ];

    [Fact]
    public async Task Rows_are_found_by_one_field_and_by_two()
    {
        await Prepare("from", "late");
        await Commit(0, 1,
            Row("a", 1, """{"from":"ATL","late":true}"""), Row("b", 1, """{"from":"ATL","late":false}"""),
            Row("c", 1, """{"from":"JFK","late":true}"""), Row("d", 1, """{"from":"ATL","late":true}"""));

        Assert.Equal(["a", "b", "d"], Keys(await Find(new FieldValue("from", "ATL"))));
        Assert.Equal(["a", "d"], Keys(await Find(new("from", "ATL"), new("late", "true"))));
        Assert.Empty(Keys(await Find(new("from", "JFK"), new("late", "false"))));
        Assert.Empty(Keys(await Find(new FieldValue("from", "atl"))));
        Assert.Equal(["a", "b", "c", "d"], Keys(await Find()));
    }

    [Fact]
    public async Task Numbers_and_truth_values_are_found_by_their_json_form_and_null_by_nothing()
    {
        await Prepare("v");
        await Commit(0, 1,
            Row("int", 1, """{"v":42}"""), Row("negative", 1, """{"v":-7}"""), Row("true", 1, """{"v":true}"""),
            Row("false", 1, """{"v":false}"""), Row("null", 1, """{"v":null}"""), Row("none", 1, "{}"), Row("empty", 1, """{"v":""}"""));

        Assert.Equal(["int"], Keys(await Find(new FieldValue("v", "42"))));
        Assert.Equal(["negative"], Keys(await Find(new FieldValue("v", "-7"))));
        Assert.Equal(["true"], Keys(await Find(new FieldValue("v", "true"))));
        Assert.Equal(["false"], Keys(await Find(new FieldValue("v", "false"))));
        Assert.Equal(["empty"], Keys(await Find(new FieldValue("v", ""))));
        Assert.Empty(Keys(await Find(new FieldValue("v", "null"))));
    }

    [Fact]
    public async Task A_row_is_found_by_its_newest_value_only()
    {
        await Prepare("gate");
        await Commit(0, 1, Row("a", 1, """{"gate":"A1"}"""));
        await Commit(1, 2, Row("a", 2, """{"gate":"B2"}"""));

        Assert.Empty(Keys(await Find(new FieldValue("gate", "A1"))));
        Assert.Equal(["a"], Keys(await Find(new FieldValue("gate", "B2"))));
    }

    [Fact]
    public async Task Pages_by_key_show_every_row_once_in_ordinal_order()
    {
        await Prepare("even");
        await Commit(0, 1, [.. Enumerable.Range(0, 25).Select(n => Row($"k{n:00}", 1, $$"""{"even":{{(n % 2 == 0 ? "true" : "false")}}}"""))]);

        var keys = new List<string>();
        while (await Models.FindRows(Model, [new("even", "true")], keys.LastOrDefault(), 4, Cancel) is { Rows.Count: > 0 } page)
        {
            Assert.True(page.Rows.Count <= 4);
            keys.AddRange(Keys(page));
        }

        Assert.Equal(Enumerable.Range(0, 25).Where(n => n % 2 == 0).Select(n => $"k{n:00}"), keys);
        Assert.Equal(["A", "B", "a", "b"], await KeysAfterWriting("b", "A", "a", "B"));
    }

    [Fact]
    public async Task Hostile_keys_and_values_are_only_text()
    {
        await Prepare("v");
        await Commit(0, 1, [.. hostile.Select(text => Row(text, 1, $$"""{"v":{{JsonSerializer.Serialize(text)}}}"""))]);

        foreach (var text in hostile)
        {
            Assert.Equal([text], Keys(await Models.ReadRow(Model, text, Cancel)));
            Assert.Equal([text], Keys(await Find(new FieldValue("v", text))));
            Assert.Equal([text], Keys(await Models.ReadChanges(Model, text, Position.Start, 10, Cancel)));
        }

        var paged = new List<string>();
        while (await Models.FindRows(Model, [], paged.LastOrDefault(), 3, Cancel) is { Rows.Count: > 0 } page)
            paged.AddRange(Keys(page));
        Assert.Equal(hostile.Length, paged.Count);
        Assert.True(paged.ToHashSet().SetEquals(hostile));
    }

    [Fact]
    public async Task A_large_row_fits()
    {
        await Prepare("v");
        var json = $$"""{"v":"{{new string('x', 1 << 20)}}"}""";
        await Commit(0, 1, Row("a", 1, json));

        Assert.Equal(json, Text(Assert.Single((await Models.ReadRow(Model, "a", Cancel)).Rows)));
    }

    /// <summary>Whatever was written, replaced and deleted: finding agrees with a dictionary.</summary>
    [Fact]
    public async Task Finding_agrees_with_a_dictionary()
    {
        await Prepare("v", "w");
        var model = new Dictionary<string, (int V, int W)?>();
        var at = 0;
        var genRow = Gen.Select(Gen.Int[0, 9], Gen.Int[0, 2], Gen.Int[0, 1], Gen.Bool);
        await Gen.Select(genRow.Array[1, 6], Gen.Int[1, 4]).SampleAsync(async (changes, limit) =>
        {
            var rows = new Dictionary<string, StoredRow>();
            foreach (var (key, v, w, isDeleted) in changes)
            {
                model[$"k{key}"] = isDeleted ? null : (v, w);
                rows[$"k{key}"] = isDeleted ? Deleted($"k{key}", at + 1) : Row($"k{key}", at + 1, $$"""{"v":{{v}},"w":"{{w}}"}""");
            }

            await Commit(at, ++at, [.. rows.Values]);
            for (var v = 0; v < 3; v++)
            {
                var found = new List<string>();
                while (await Models.FindRows(Model, [new("v", $"{v}"), new("w", "1")], found.LastOrDefault(), limit, Cancel) is { Rows.Count: > 0 } page)
                    found.AddRange(Keys(page));
                Assert.Equal(model.Where(row => row.Value == (v, 1)).Select(row => row.Key).Order(), found);
            }
        }, iter: 40, threads: 1);
    }

    private async ValueTask<IEnumerable<string>> KeysAfterWriting(params string[] keys)
    {
        await Models.Reset(Model, null, Cancel);
        await Commit(0, 1, [.. keys.Select(key => Row(key, 1))]);
        return Keys(await Find());
    }

    private ValueTask<RowPage> Find(params FieldValue[] fields) => Models.FindRows(Model, fields, null, 100, Cancel);
}
