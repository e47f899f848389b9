namespace Headwater.Simulation;

/// <summary>The simulation is worth what it finds: mistakes made on purpose, each within a few seeds.</summary>
public sealed class PlantedBugTests(ITestOutputHelper output)
{
    private const int Seeds = 60;

    public static TheoryData<string> Names => [.. bugs.Keys];

    private static readonly Dictionary<string, (Func<PlantedBug> Plant, string[] Promises)> bugs = new()
    {
        ["checkpoint before effect, in a projection"] = (() => new CheckpointFirst(), ["5 rows are the fold of the log", "3 resume is exact"]),
        ["checkpoint before effect, in a subscription"] = (() => new EffectAfterCheckpoint(), ["5 at least once"]),
        ["history, then live"] = (() => new HistoryThenLive(), ["1 nothing is skipped", "3 resume is exact"]),
        ["a tail that skips a part of a page"] = (() => new SkippedPage(), [
            "1 nothing is skipped", "3 resume is exact", "5 rows are the fold of the log", "5 at least once"]),
        ["resume off by one"] = (() => new OffByOne(), ["1 nothing is skipped", "3 resume is exact"]),
        ["one position for the log and its read models"] = (() => new OnePositionForAll(), ["3 resume is exact"]),
        ["a view feed bounded by the log"] = (() => new UnboundedView(), ["3 resume is exact"]),
        ["no receipt of a command"] = (() => new NoReceipt(), ["5 once", "the same answer again", "an answer says where", "refused is refused"]),
        ["two nodes that commit blindly"] = (() => new BlindCommit(), ["5 rows are the fold of the log", "3 resume is exact"]),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void A_planted_bug_is_found(string name)
    {
        var (plant, promises) = bugs[name];
        for (var seed = 1; seed <= Seeds; seed++)
        {
            try
            {
                World.Run(seed, plant());
            }
            catch (Violation found)
            {
                output.WriteLine(found.Message);
                Assert.Contains(found.Promise, promises);
                return;
            }
        }

        Assert.Fail($"{Seeds} seeds ran with the planted bug '{name}', and none of them showed it.");
    }

    [Fact]
    public void Without_a_planted_bug_the_same_seeds_keep_the_promises() =>
        Assert.Empty(Simulation.Seeds.Run(Enumerable.Range(1, Seeds), seed => World.Run(seed)));
}
