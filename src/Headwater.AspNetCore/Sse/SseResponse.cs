using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Headwater.AspNetCore;

/// <summary>What an answer says, so that nothing on its way keeps it, changes it or holds it back.</summary>
internal static class SseResponse
{
    public static void Begin(HttpContext context)
    {
        context.Features.Get<IHttpResponseBodyFeature>()!.DisableBuffering();
        var headers = context.Response.Headers;
        headers.ContentType = "text/event-stream";
        headers.CacheControl = "no-cache, no-transform";
        headers.ContentEncoding = "identity";
        headers["X-Accel-Buffering"] = "no";
    }
}
