using System.Net;
using System.Net.Http.Json;

namespace Headwater.EndToEnd;

/// <summary>Appends numbered remarks through the commands of the sample, each until it is acknowledged, each once.</summary>
internal sealed class Remarks(HttpClient http, int flights)
{
    private int next;
    private int acknowledged;

    public int Acknowledged => Volatile.Read(ref acknowledged);

    public static string Flight(int number) => $"AUDIT{number}";

    public async Task Schedule(CancellationToken cancel)
    {
        for (var flight = 0; flight < flights; flight++)
            await Send($"/flights/{Flight(flight)}/schedule",
                new { origin = "ATL", destination = "BOS", scheduled = "2001-01-01T08:00:00Z", distance = 946 }, $"schedule-{flight}", cancel);
    }

    public Task Write(int count, int writers, CancellationToken cancel) =>
        Task.WhenAll(Enumerable.Range(0, writers).Select(async _ =>
        {
            while (Interlocked.Increment(ref next) is var number && number <= count)
            {
                await Send($"/flights/{Flight(number % flights)}/remarks", new { text = $"#{number}#" }, $"remark-{number}", cancel);
                Interlocked.Increment(ref acknowledged);
            }
        }));

    /// <summary>Sends until there is an answer. The key makes sure that what was done before a cut is not done again.</summary>
    private async Task Send<T>(string path, T body, string idempotencyKey, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
                request.Headers.Add("Idempotency-Key", idempotencyKey);
                using var response = await http.SendAsync(request, cancel);
                response.EnsureSuccessStatusCode();
                return;
            }
            catch (Exception e) when (e is HttpRequestException
            {
                // The second is a proxy's, which cannot know what became of a request when the node behind it died.
                StatusCode: null or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable,
            } or IOException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), cancel);
            }
        }
    }
}
