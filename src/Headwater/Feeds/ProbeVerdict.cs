namespace Headwater;

/// <summary>A mark of <c>GET /feeds/_probe</c>, as a client got it.</summary>
/// <param name="SentAfter">When the server sent it, since it had the request; the mark says so.</param>
/// <param name="ArrivedAfter">When it arrived, since the client sent the request.</param>
public readonly record struct ProbeMark(TimeSpan SentAfter, TimeSpan ArrivedAfter);

/// <summary>What stands between a client and the server does to a stream.</summary>
[Flags]
public enum ProbeFindings
{
    /// <summary>Nothing: each event arrives at once.</summary>
    Fine = 0,

    /// <summary>Events arrive late.</summary>
    Delayed = 1,

    /// <summary>Nothing arrives before the stream ends, or before many events have gathered.</summary>
    Buffered = 2,

    /// <summary>The stream is compressed, which costs memory for each connection and may hold events back.</summary>
    Compressed = 4,

    /// <summary>The stream ended before all marks had come.</summary>
    Incomplete = 8,
}

/// <summary>What the marks of <c>GET /feeds/_probe</c> tell of the way they came.</summary>
/// <param name="Findings">What is wrong; <see cref="ProbeFindings.Fine"/> if nothing is.</param>
/// <param name="LongestDelay">How long the slowest mark took at most: the time of the request's way to the server is part of it.</param>
/// <param name="Explanation">The same in sentences, with what to do.</param>
public sealed record ProbeVerdict(ProbeFindings Findings, TimeSpan LongestDelay, string Explanation)
{
    private static readonly TimeSpan tolerance = TimeSpan.FromMilliseconds(500);

    /// <summary>Judges.</summary>
    /// <param name="expected">How many marks the probe was asked for.</param>
    /// <param name="marks">Those that arrived, in their order.</param>
    /// <param name="contentEncoding">The answer's <c>Content-Encoding</c>, before the client itself has taken it off; null if there is none.</param>
    public static ProbeVerdict Of(int expected, IReadOnlyList<ProbeMark> marks, string? contentEncoding)
    {
        ArgumentNullException.ThrowIfNull(marks);
        var longest = marks.Count == 0 ? TimeSpan.Zero : marks.Max(mark => mark.ArrivedAfter - mark.SentAfter);
        var findings = ProbeFindings.Fine;
        var sentences = new List<string>();
        if (marks.Count < expected)
            Find(ProbeFindings.Incomplete,
                $"{marks.Count} of {expected} marks arrived: something ends answers early; raise its idle limit above the heartbeat.");
        if (IsBuffered(marks))
            Find(ProbeFindings.Buffered,
                "Nothing arrived before everything had been sent: something holds the answer back; turn its buffering of responses off for /feeds.");
        else if (longest > tolerance)
            Find(ProbeFindings.Delayed,
                $"A mark took {longest.TotalMilliseconds:F0} ms: the way is slow, or something holds back what comes last; ?padding=1 helps against the latter.");
        if (contentEncoding is not (null or "" or "identity"))
            Find(ProbeFindings.Compressed,
                $"The stream is compressed ({contentEncoding}): turn compression off for text/event-stream, or for /feeds.");
        return new ProbeVerdict(findings, longest, sentences.Count == 0 ? "Each mark arrived at once." : string.Join(' ', sentences));

        void Find(ProbeFindings finding, string sentence)
        {
            findings |= finding;
            sentences.Add(sentence);
        }
    }

    /// <summary>On a way that is merely long the marks arrive at the intervals at which they were sent.</summary>
    private static bool IsBuffered(IReadOnlyList<ProbeMark> marks) =>
        marks.Count > 1 && marks[0].ArrivedAfter >= marks[^1].SentAfter
        && marks[^1].ArrivedAfter - marks[0].ArrivedAfter < (marks[^1].SentAfter - marks[0].SentAfter) / 2;
}
