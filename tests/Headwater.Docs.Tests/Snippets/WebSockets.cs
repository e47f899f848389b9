using Microsoft.AspNetCore.Builder;

namespace Headwater.Docs.Tests.WebSockets;

internal static class Socket
{
    public static void Use(WebApplication app)
    {
        app.UseWebSockets();
        app.MapHeadwater();     // GET /ws, beside /feeds
    }
}
