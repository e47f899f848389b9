using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Headwater.AspNetCore;

/// <summary>The headers of Headwater's own, and the parts of standard ones that it reads.</summary>
internal static class Headers
{
    /// <summary>In an answer: where the log or read model stood. Opaque to clients.</summary>
    public const string Cursor = "Headwater-Cursor";

    /// <summary>In a query: the answer must contain everything up to this cursor, if it does within the time given.</summary>
    public const string AtLeast = "Headwater-At-Least";

    /// <summary>In an answer: the time was up before the read model had what was asked for.</summary>
    public const string Stale = "Headwater-Stale";

    public const string IdempotencyKey = "Idempotency-Key";

    /// <summary>What can be got can be asked for without its body (RFC 9110, 9.3.2); the server leaves the body out.</summary>
    public static readonly string[] Reading = ["GET", "HEAD"];

    private const string Prefer = "Prefer";
    private const string PreferenceApplied = "Preference-Applied";

    /// <summary>Reads <c>Prefer: wait=seconds</c> (RFC 7240, 4.3). What is not understood is ignored, as the RFC demands.</summary>
    public static TimeSpan Wait(HttpContext context, TimeSpan otherwise, TimeSpan atMost)
    {
        foreach (var preference in context.Request.Headers[Prefer].SelectMany(value => (value ?? "").Split(',', ';')))
        {
            var parts = preference.Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts.Length != 2 || !parts[0].Equals("wait", StringComparison.OrdinalIgnoreCase)
                || !int.TryParse(parts[1].Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
                continue;
            var wait = TimeSpan.FromSeconds(seconds) < atMost ? TimeSpan.FromSeconds(seconds) : atMost;
            context.Response.Headers[PreferenceApplied] = $"wait={(int)wait.TotalSeconds}";
            return wait;
        }

        return otherwise;
    }

    /// <summary>Answers 304 if the client has this very version.</summary>
    public static bool NotModified(HttpContext context, string etag)
    {
        context.Response.Headers.ETag = etag;
        foreach (var known in context.Request.Headers.IfNoneMatch.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries)))
        {
            if (known != "*" && Strong(known) != Strong(etag))
                continue;
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return true;
        }

        return false;

        // RFC 9110, 13.1.2: If-None-Match compares weakly.
        static string Strong(string tag) => tag.StartsWith("W/", StringComparison.Ordinal) ? tag[2..] : tag;
    }
}
