using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using Headwater.AspNetCore.Tests;

namespace Headwater.Proxies;

/// <summary>Asks for the probe's marks, and has them judged. A busy machine delays marks now and then; what a proxy does it does each time.</summary>
internal static class Probe
{
    private const int Marks = 5;

    public static async Task<ProbeVerdict> Run(HttpClient http)
    {
        var verdict = await RunOnce(http);
        for (var again = 0; again < 2 && verdict.Findings.HasFlag(ProbeFindings.Delayed); again++)
            verdict = await RunOnce(http);
        return verdict;
    }

    private static async Task<ProbeVerdict> RunOnce(HttpClient http)
    {
        using var timeUp = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/feeds/_probe?marks={Marks}")
        {
            Headers = { { "Accept-Encoding", "gzip" }, { "Accept", "text/event-stream" } },
        };
        var since = Stopwatch.GetTimestamp();
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeUp.Token);
        Assert.True(response.IsSuccessStatusCode, $"{response.StatusCode}");
        var encoding = response.Content.Headers.ContentEncoding.SingleOrDefault();
        var body = await response.Content.ReadAsStreamAsync(timeUp.Token);
        using var stream = new SseStream(response, new StreamReader(encoding == "gzip" ? new GZipStream(body, CompressionMode.Decompress) : body));
        var marks = new List<ProbeMark>();
        while (await stream.Next() is { } block)
            if (block.Event == "mark")
                marks.Add(new ProbeMark(
                    TimeSpan.FromMilliseconds(JsonDocument.Parse(block.Data!).RootElement.GetProperty("sentAfter").GetDouble()),
                    Stopwatch.GetElapsedTime(since)));
        return ProbeVerdict.Of(Marks, marks, encoding);
    }
}
