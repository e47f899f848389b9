using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Headwater.AspNetCore;

/// <summary>Takes a request's body, within a bound.</summary>
internal static class RequestBody
{
    /// <summary>The whole body.</summary>
    /// <param name="request">The request.</param>
    /// <param name="maxBytes">How large it may be.</param>
    /// <param name="tooLarge">What to answer if it is larger.</param>
    public static async ValueTask<ReadOnlyMemory<byte>> Read(HttpRequest request, int maxBytes, Func<ProblemException> tooLarge)
    {
        if (request.ContentLength > maxBytes)
            throw tooLarge();
        while (true)
        {
            var read = await request.BodyReader.ReadAsync(request.HttpContext.RequestAborted);
            if (read.Buffer.Length > maxBytes)
            {
                request.BodyReader.AdvanceTo(read.Buffer.End);
                throw tooLarge();
            }

            if (read.IsCompleted)
            {
                var bytes = read.Buffer.ToArray();
                request.BodyReader.AdvanceTo(read.Buffer.End);
                return bytes;
            }

            request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>Whether the request says that its body is JSON in UTF-8, not compressed.</summary>
    public static bool IsJson(HttpRequest request) =>
        request.HasJsonContentType() && request.Headers.ContentEncoding.Count == 0
        && MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase));
}
