namespace Headwater.AspNetCore.Tests;

/// <summary>A block of a server-sent event stream, as it came over the wire.</summary>
internal sealed record SseBlock(string? Event, string? Data, string? Id, string? Retry, string? Comment);

/// <summary>Reads a server-sent event stream block by block, with nothing left out, unlike EventSource.</summary>
internal sealed class SseStream(HttpResponseMessage response, StreamReader reader) : IDisposable
{
    public HttpResponseMessage Response => response;

    /// <summary>The last id seen, which is what EventSource would send back.</summary>
    public string? LastEventId { get; private set; }

    public static async Task<SseStream> Open(HttpClient client, string path, string? lastEventId)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastEventId is not null)
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        return new SseStream(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }

    /// <summary>The next block, or null at the end of the stream.</summary>
    public async Task<SseBlock?> Next()
    {
        using var timeUp = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var block = new SseBlock(null, null, null, null, null);
        var any = false;
        while (await reader.ReadLineAsync(timeUp.Token) is { } line)
        {
            if (line.Length == 0)
            {
                if (!any)
                    continue;
                LastEventId = block.Id ?? LastEventId;
                return block;
            }

            any = true;
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var value = line[(colon + 1)..].TrimStart(' ');
            block = line[..colon] switch
            {
                "event" => block with { Event = value },
                "data" => block with { Data = block.Data is null ? value : $"{block.Data}\n{value}" },
                "id" => block with { Id = value },
                "retry" => block with { Retry = value },
                "" => block with { Comment = value },
                _ => throw new FormatException($"Unknown field in '{line}'."),
            };
        }

        return null;
    }

    /// <summary>The next block that EventSource would fire an event for.</summary>
    public async Task<SseBlock> NextEvent()
    {
        while (true)
        {
            var block = await Next() ?? throw new EndOfStreamException("The stream ended.");
            if (block.Data is not null)
                return block;
        }
    }

    public async Task<List<SseBlock>> NextEvents(int count)
    {
        var blocks = new List<SseBlock>();
        while (blocks.Count < count)
            blocks.Add(await NextEvent());
        return blocks;
    }

    public void Dispose()
    {
        reader.Dispose();
        response.Dispose();
    }
}
