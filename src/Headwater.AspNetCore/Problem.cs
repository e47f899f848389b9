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

    public Task Write(HttpContext context)
    {
        var details = new ProblemDetails
        {
            Type = TypePrefix + Code, Title = Title, Status = Status, Detail = Detail, Instance = context.Request.Path,
            Extensions = new Dictionary<string, object?>(Members) { ["code"] = Code },
        };
        context.Response.StatusCode = Status;

        // With JSON of our own, because the framework's needs either reflection or a service that the application may not have added.
        return context.Response.WriteAsJsonAsync(
            details, ProblemJson.Default.ProblemDetails, "application/problem+json", context.RequestAborted);
    }

    public static Problem BadParameter(string name, string detail) =>
        new(StatusCodes.Status400BadRequest, "bad-parameter", "A parameter is wrong", detail) { Members = { ["field"] = name } };

    public static Problem NotFound(string detail) => new(StatusCodes.Status404NotFound, "not-found", "Not found", detail);

    public static Problem Unavailable(string detail) =>
        new(StatusCodes.Status503ServiceUnavailable, "unavailable", "Not available now", detail);
}

/// <summary>The request cannot be answered as asked; what to answer instead.</summary>
internal sealed class ProblemException(Problem problem) : Exception(problem.Detail)
{
    public Problem Problem => problem;
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ProblemDetails))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(long))]
internal sealed partial class ProblemJson : JsonSerializerContext;
