using System.Net;
using System.Text;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Headwater.AspNetCore;

/// <summary>Takes a key from a request's path, so that it means the same thing everywhere.</summary>
internal static class PathKey
{
    /// <summary>
    /// The server decodes a path before it is routed, but not an escaped slash, and no escape that is not UTF-8: two paths that
    /// mean different things would look alike afterwards. Such a path is refused.
    /// </summary>
    public static string Of(HttpContext context, string parameter)
    {
        var path = context.Features.Get<IHttpRequestFeature>()!.RawTarget.Split('?')[0];
        if (path.Contains("%2F", StringComparison.OrdinalIgnoreCase))
            throw new ProblemException(Problem.BadParameter(parameter, "A key with a slash cannot be given in a path."));
        if (path.Contains('%', StringComparison.Ordinal))
        {
            var bytes = Encoding.Latin1.GetBytes(path);
            if (!Utf8.IsValid(WebUtility.UrlDecodeToBytes(bytes, 0, bytes.Length)))
                throw new ProblemException(Problem.BadParameter(parameter, "The path is not UTF-8."));
        }

        return context.GetRouteValue(parameter) as string ?? "";
    }
}
