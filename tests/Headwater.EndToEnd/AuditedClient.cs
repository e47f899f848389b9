using System.Text;

namespace Headwater.EndToEnd;

/// <summary>How a client that was cut off comes back. All but the first are mistakes an auditor must find.</summary>
internal enum Resume
{
    AtLastEventId,
    OneEventBack,
    AtNow,
}

/// <summary>A plain client of a feed that is cut off at random and comes back, and notes the position of every event it gets.</summary>
internal sealed class AuditedClient(HttpClient http, string path, Random random, Resume resume, TimeSpan meanLifetime)
{
    private readonly List<int> positions = [];
    private string? lastEventId;
    private string? idBefore;

    /// <summary>The positions received, in the order in which they came. Complete once the client has ended.</summary>
    public IReadOnlyList<int> Positions => positions;

    public int Connections { get; private set; }

    public int Resets { get; private set; }

    /// <summary>The last position received.</summary>
    public int At { get; private set; }

    public async Task Run(CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            using var cut = CancellationTokenSource.CreateLinkedTokenSource(end);
            cut.CancelAfter(random.NextDouble() * 2 * meanLifetime);
            try
            {
                await Connect(cut.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
            {
                // Cut off, by the client or by the server's death: come back.
            }

            try
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20 + random.Next(80)), end);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task Connect(CancellationToken cut)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, resume is Resume.AtNow && Connections > 0 ? path.Split('?')[0] : path);
        var id = resume switch
        {
            Resume.OneEventBack => idBefore ?? lastEventId,
            Resume.AtNow => null,
            _ => lastEventId,
        };
        if (id is not null)
            request.Headers.TryAddWithoutValidation("Last-Event-ID", id);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cut);
        response.EnsureSuccessStatusCode();
        Connections++;
        var blocks = new BlockReader(await response.Content.ReadAsStreamAsync(cut));
        while (true)
        {
            var block = await blocks.Next(cut);
            if (block.IsEmpty)
                return;
            Take(block.Span);
        }
    }

    private void Take(ReadOnlySpan<byte> block)
    {
        var cursor = BlockReader.Field(block, "id: "u8);
        var name = BlockReader.Field(block, "event: "u8);
        if (name.SequenceEqual("reset"u8))
            Resets++;
        else if (!name.IsEmpty)
            positions.Add(At = BlockReader.PositionOf(cursor));
        if (!cursor.IsEmpty)
            (idBefore, lastEventId) = (lastEventId, Encoding.ASCII.GetString(cursor));
    }
}
