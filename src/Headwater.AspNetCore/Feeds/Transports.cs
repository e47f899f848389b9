namespace Headwater.AspNetCore;

/// <summary>The names of the ways to a client, as metrics and health tell them.</summary>
internal static class Transports
{
    public const string Sse = "sse";
    public const string LongPolling = "long-polling";
    public const string WebSocket = "websocket";
}
