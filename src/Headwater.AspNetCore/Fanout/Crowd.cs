using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Headwater.AspNetCore;

/// <summary>
/// Connections that follow the same feeds and have caught up. One loop reads for all of them, makes one text of what is new, and writes
/// it to each in turn; so a delivery costs a write, and nobody is woken. Who does not take it all at once leaves, and reads for himself
/// until he has caught up again.
/// </summary>
internal sealed class Crowd(FeedSession session, Node node, FeedConnections connections)
{
    // Room for the length of a chunk in hexadecimal digits, and the line's end.
    private const int ChunkHead = 10;

    private readonly Lock gate = new();
    private readonly List<Seat> seated = [];
    private readonly ArrayBufferWriter<byte> text = new();
    private readonly List<FeedItem> items = [];
    private readonly List<Seat> joining = [];
    private Cursor place = session.Cursor;
    private int batch;
    private bool isOver;

    /// <summary>What reads for all.</summary>
    public FeedSession Session => session;

    public bool IsEmpty => seated.Count == 0 && joining.Count == 0;

    /// <returns>A seat, if the crowd stands where the session does.</returns>
    public Seat? Join(FeedSession member, FeedConnection client, ICrowdWay way)
    {
        lock (gate)
        {
            if (isOver || !member.IsAt(place))
                return null;
            var seat = new Seat(this, client, way, batch, place);
            joining.Add(seat);
            return seat;
        }
    }

    /// <summary>Where somebody stands who was told a batch and nothing after it.</summary>
    public Cursor PlaceAfter(int told, Cursor then)
    {
        lock (gate)
            return told == batch ? place : then;
    }

    /// <summary>Writes to all until nobody is left.</summary>
    public async Task Run()
    {
        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, connections.Stopping);
        do
        {
            var (more, heartbeat) = (session.More, connections.Heartbeat);
            var moved = await session.Read(items, connections.Stopping);
            if (session.Reset is not ResetReason.None)
                throw new OperationCanceledException("The feeds begin anew.");
            Tell();

            // At a heartbeat all have left and come again; who has not is forgotten.
            if (!moved)
                await Task.WhenAny(more, heartbeat, stopped);
            if (heartbeat.IsCompleted)
                seated.RemoveAll(seat => seat.HasLeft);
        }
        while (!IsEmpty && !stopped.IsCompleted);
    }

    public void Disband()
    {
        lock (gate)
        {
            isOver = true;
            seated.AddRange(joining);
            joining.Clear();
        }

        foreach (var seat in seated)
            seat.End();
        seated.Clear();
    }

    private void Tell()
    {
        lock (gate)
        {
            seated.AddRange(joining);
            joining.Clear();
            place = session.Cursor;
            if (items.Count > 0)
                batch++;
        }

        if (items.Count == 0)
            return;
        var chunk = Encode();
        for (var i = seated.Count - 1; i >= 0; i--)
        {
            if (seated[i].Tell(chunk, items.Count, batch, place))
                continue;
            seated[i] = seated[^1];
            seated.RemoveAt(seated.Count - 1);
        }

        FeedConnection.Delivered(node, items, seated.Count, chunk.Plain.Length);
    }

    /// <summary>What is new as one text, which is also one chunk of HTTP/1.1.</summary>
    private CrowdText Encode()
    {
        text.ResetWrittenCount();
        text.GetSpan(ChunkHead);
        text.Advance(ChunkHead);
        foreach (var item in items)
        {
            text.Write(item.Frame.Encoded(SseFormat.Encode).Span);
            Encoding.UTF8.GetBytes(SseFormat.EndOfBlock(item.Cursor), text);
        }

        var length = text.WrittenCount - ChunkHead;
        text.Write("\r\n"u8);
        var written = MemoryMarshal.AsMemory(text.WrittenMemory);
        var head = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{length:x}\r\n"));
        var start = ChunkHead - head.Length;
        head.CopyTo(written.Span[start..]);
        return new CrowdText(written[start..], written.Slice(ChunkHead, length));
    }
}

/// <summary>What is written to all: as a chunk of HTTP/1.1, and without that.</summary>
internal readonly record struct CrowdText(ReadOnlyMemory<byte> Chunk, ReadOnlyMemory<byte> Plain);
