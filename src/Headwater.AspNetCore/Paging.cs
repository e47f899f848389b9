using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;

namespace Headwater.AspNetCore;

/// <summary>How answers that come page by page are asked for, and how the next page is told.</summary>
internal static class Paging
{
    public const string LimitParameter = "limit";
    public const string AfterParameter = "after";

    private const int DefaultLimit = 100;
    private const int MaxLimit = 1000;

    /// <summary>How many to answer with at most.</summary>
    public static int Limit(HttpRequest request)
    {
        if (!request.Query.TryGetValue(LimitParameter, out var given))
            return DefaultLimit;
        return int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= MaxLimit
            ? limit
            : throw new ProblemException(Problem.BadParameter(LimitParameter, $"'{given}' is no limit: expected 1 to {MaxLimit}."));
    }

    /// <summary>The link to what comes after, in place of where this page began.</summary>
    public static string Link(HttpRequest request, string after, params string[] beginnings)
    {
        var query = new QueryBuilder(request.Query.Where(pair => pair.Key != AfterParameter && !beginnings.Contains(pair.Key))) { { AfterParameter, after } };
        return $"<{request.PathBase}{request.Path}{query.ToQueryString()}>; rel=\"next\"";
    }
}
