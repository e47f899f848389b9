using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Headwater.AspNetCore;

/// <summary>
/// The short way to a client that is connected by HTTP/1.1 and without encryption, which is how a reverse proxy connects: a chunk of the
/// response goes right to the socket. It costs half of what the way through the server's pipes does.
/// </summary>
/// <remarks>
/// The server must have nothing of its own left to send. That is known after a flush if the server's transport lets a flush wait until all
/// is sent, which is what <see cref="Allow"/> sees to; and the connection must be the bare one, with no encryption, no compression and no
/// other middleware between the response and the socket.
/// </remarks>
internal sealed class SocketWay : ICrowdWay
{
    // A flush then waits until the last byte is sent.
    private const long FlushWaits = 1;

    private readonly Socket socket;
    private ReadOnlyMemory<byte> rest;

    private SocketWay(Socket socket)
    {
        this.socket = socket;
        socket.Blocking = false;
    }

    /// <summary>Lets flushes wait for the socket, unless the application has set how much they may leave behind.</summary>
    public static void Allow(IServiceProvider services)
    {
        if (services.GetService<IOptions<SocketTransportOptions>>()?.Value is { } transport && transport.MaxWriteBufferSize == new SocketTransportOptions().MaxWriteBufferSize)
            transport.MaxWriteBufferSize = FlushWaits;
    }

    /// <summary>The way to a client whose response has begun and was flushed; null if it cannot be gone.</summary>
    public static SocketWay? To(HttpContext context)
    {
        var features = context.Features;
        var isBare = context.Request.Protocol == "HTTP/1.1"
            && features.Get<ITlsHandshakeFeature>() is null
            && ReferenceEquals(features.Get<IHttpResponseBodyFeature>(), features.Get<IHttpRequestIdentifierFeature>())
            && context.Response.ContentLength is null;
        return isBare
            && context.RequestServices.GetService<IOptions<SocketTransportOptions>>()?.Value.MaxWriteBufferSize == FlushWaits
            && features.Get<IConnectionSocketFeature>() is { Socket: var socket }
            ? new SocketWay(socket)
            : null;
    }

    public bool Send(CrowdText text)
    {
        var sent = SendNow(text.Chunk.Span);
        if (sent == text.Chunk.Length)
            return true;

        // Also if the connection is broken: finishing will find out.
        rest = text.Chunk[sent..].ToArray();
        return false;
    }

    public async Task Finish(CancellationToken cancel)
    {
        try
        {
            while (rest.Length > 0)
                rest = rest[await socket.SendAsync(rest, cancel)..];
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw new OperationCanceledException("The client has gone.", e);
        }
    }

    /// <returns>How many bytes went at once.</returns>
    private int SendNow(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var sent = socket.Send(bytes, SocketFlags.None, out var error);
            return error is SocketError.Success ? sent : 0;
        }
        catch (ObjectDisposedException)
        {
            // The client has gone a moment ago, which is no trouble of the crowd's.
            return 0;
        }
    }
}
