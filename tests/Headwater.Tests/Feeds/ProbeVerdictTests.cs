namespace Headwater.Tests;

public sealed class ProbeVerdictTests
{
    [Theory]
    [InlineData(ProbeFindings.Fine, new[] { 0, 200, 400, 600, 800 }, new[] { 20, 220, 420, 620, 820 }, null)]
    [InlineData(ProbeFindings.Fine, new[] { 0, 200, 400, 600, 800 }, new[] { 20, 220, 420, 620, 820 }, "identity")]

    // A proxy that passes an answer on when it ends, a second after the last mark.
    [InlineData(ProbeFindings.Buffered, new[] { 0, 200, 400, 600, 800 }, new[] { 1810, 1810, 1810, 1811, 1811 }, null)]
    [InlineData(ProbeFindings.Buffered | ProbeFindings.Compressed, new[] { 0, 200, 400, 600, 800 }, new[] { 1810, 1810, 1810, 1811, 1811 }, "gzip")]

    // One that passes each part on when the next one comes.
    [InlineData(ProbeFindings.Delayed, new[] { 0, 200, 400, 600, 800 }, new[] { 220, 420, 620, 820, 1820 }, null)]

    // One that holds back the beginning only.
    [InlineData(ProbeFindings.Delayed, new[] { 0, 200, 400, 600, 800 }, new[] { 620, 620, 620, 620, 820 }, null)]

    // A way that is longer than the probe, and holds nothing back.
    [InlineData(ProbeFindings.Delayed, new[] { 0, 200, 400, 600, 800 }, new[] { 900, 1100, 1300, 1500, 1700 }, null)]
    [InlineData(ProbeFindings.Compressed, new[] { 0, 200, 400, 600, 800 }, new[] { 20, 220, 420, 620, 820 }, "br")]
    [InlineData(ProbeFindings.Incomplete, new[] { 0, 200, 400 }, new[] { 20, 220, 420 }, null)]
    [InlineData(ProbeFindings.Incomplete, new int[0], new int[0], null)]
    public void Marks_tell_what_stands_in_the_way(ProbeFindings findings, int[] sent, int[] arrived, string? contentEncoding)
    {
        var marks = sent.Zip(arrived, (at, then) => new ProbeMark(TimeSpan.FromMilliseconds(at), TimeSpan.FromMilliseconds(then))).ToList();
        var verdict = ProbeVerdict.Of(5, marks, contentEncoding);
        Assert.Equal(findings, verdict.Findings);
        Assert.Equal(marks.Count == 0 ? 0 : sent.Zip(arrived, (at, then) => then - at).Max(), verdict.LongestDelay.TotalMilliseconds);
        Assert.Equal(findings is ProbeFindings.Fine, verdict.Explanation == "Each mark arrived at once.");
    }
}
