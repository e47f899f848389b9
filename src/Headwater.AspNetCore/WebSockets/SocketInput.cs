using System.Buffers;
using System.Net.WebSockets;

namespace Headwater.AspNetCore;

/// <summary>What a client sends is against the protocol: how and with which words the socket is closed.</summary>
internal sealed class SocketRefusedException(WebSocketCloseStatus status, string reason) : Exception(reason)
{
    public WebSocketCloseStatus Status => status;
}

/// <summary>Reads whole messages of bounded length. A socket that is silent holds no buffer.</summary>
internal sealed class SocketInput(WebSocket socket, int maxBytes) : IDisposable
{
    private const int FirstBytes = 1024;

    private byte[]? buffer;

    /// <summary>The next message, good until the one after it is asked for; null once the client has closed.</summary>
    /// <exception cref="SocketRefusedException">The message is too large, or not text.</exception>
    /// <exception cref="WebSocketException">The client has gone, or breaks the WebSocket protocol; not being UTF-8 is part of that.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> Next(CancellationToken cancel)
    {
        Dispose();
        var part = await socket.ReceiveAsync(Memory<byte>.Empty, cancel);
        buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
        for (var length = 0; part.MessageType is not WebSocketMessageType.Close;)
        {
            if (part.MessageType is WebSocketMessageType.Binary)
                throw new SocketRefusedException(WebSocketCloseStatus.InvalidMessageType, "Messages are JSON as text.");
            length += part.Count;
            if (length > maxBytes)
                throw new SocketRefusedException(WebSocketCloseStatus.MessageTooBig, $"A message has at most {maxBytes} bytes.");
            if (part.EndOfMessage)
                return buffer.AsMemory(0, length);
            if (length == buffer.Length)
                Grow();
            part = await socket.ReceiveAsync(buffer.AsMemory(length), cancel);
        }

        return null;
    }

    public void Dispose()
    {
        if (buffer is not null)
            ArrayPool<byte>.Shared.Return(buffer);
        buffer = null;
    }

    private void Grow()
    {
        var larger = ArrayPool<byte>.Shared.Rent(buffer!.Length * 2);
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }
}
