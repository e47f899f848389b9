using System.Globalization;
using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;

namespace Headwater.AspNetCore;

/// <summary>An error as problem details (RFC 9457): a type URI that stays, a title, and a sentence that says what to do.</summary>
internal sealed record Problem(int Status, string Code, string Title, string Detail)
{
    private const string TypePrefix = "urn:headwater:problem:";

    /// <summary>Further members, such as the field that is wrong.</summary>
    public Dictionary<string, object?> Members { get; init; } = [];

    /// <summary>After what time to try again, if there is one.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Answers with it.</summary>
    public Task Write(HttpContext context)
    {
        if (RetryAfter is { } time)
            context.Response.Headers.RetryAfter = Math.Ceiling(time.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        context.Response.StatusCode = Status;
        return context.Response.WriteAsJsonAsync(
            Details(context.Request.Path), ProblemJson.Default.ProblemDetails, "application/problem+json", context.RequestAborted);
    }

    /// <summary>Its JSON, for an answer that has begun already.</summary>
    public byte[] Json() => JsonSerializer.SerializeToUtf8Bytes(Details(null), ProblemJson.Default.ProblemDetails);

    private ProblemDetails Details(string? instance) => new()
    {
        Type = TypePrefix + Code, Title = Title, Status = Status, Detail = Detail, Instance = instance,
        Extensions = new Dictionary<string, object?>(Members) { ["code"] = Code },
    };

    public static Problem BadParameter(string name, string detail) =>
        new(StatusCodes.Status400BadRequest, "bad-parameter", "A parameter is wrong", detail) { Members = { ["field"] = name } };

    /// <param name="user">Who asks.</param>
    /// <param name="what">What is not allowed, as in "follow 'a'".</param>
    public static Problem NotAllowed(ClaimsPrincipal user, string what) => NotAllowed(user.Identity?.IsAuthenticated is true, what);

    /// <param name="isKnown">Whether the user is signed in.</param>
    /// <param name="what">May not be done, such as <c>follow 'feed'</c>.</param>
    public static Problem NotAllowed(bool isKnown, string what) => isKnown
        ? new Problem(StatusCodes.Status403Forbidden, "forbidden", "Not allowed", $"You may not {what}.")
        : new Problem(StatusCodes.Status401Unauthorized, "unauthorized", "Not signed in", $"Only who is signed in, and allowed to, may {what}.");

    public static Problem NotFound(string detail) => new(StatusCodes.Status404NotFound, "not-found", "Not found", detail);

    /// <summary>What the event is called inside is nobody's business outside; its position leads an operator to it.</summary>
    public static Problem Unreadable(UnreadableEventException e) => new(
        StatusCodes.Status500InternalServerError, "unreadable-event", "A stored event is unreadable",
        $"The event at position {e.Position} cannot be decoded by this application. Its log says more.") { Members = { ["position"] = e.Position.Value } };

    public static Problem Unavailable(string detail) =>
        new(StatusCodes.Status503ServiceUnavailable, "unavailable", "Not available now", detail);
}

/// <summary>The request cannot be answered as asked; what to answer instead.</summary>
internal sealed class ProblemException(Problem problem) : Exception(problem.Detail)
{
    public Problem Problem => problem;
}

// The framework's own JSON for problems needs either reflection or a service that the application may not have added.
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ProblemDetails))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(long))]
internal sealed partial class ProblemJson : JsonSerializerContext;
