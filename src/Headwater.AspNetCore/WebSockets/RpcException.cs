using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Headwater.AspNetCore;

/// <summary>Why a request over a socket is answered with an error: JSON-RPC's code, and the problem that explains it.</summary>
internal sealed class RpcException(int code, Problem problem) : Exception(problem.Detail)
{
    /// <summary>The request was understood, and the answer is a problem.</summary>
    public const int HasProblem = -32000;

    private const int NotJson = -32700;
    private const int NoRequest = -32600;
    private const int NoMethod = -32601;
    private const int WrongParameter = -32602;
    private const int Broken = -32603;

    public int Code => code;

    public Problem Problem => problem;

    /// <summary>Of the request, as far as it could be read.</summary>
    public JsonElement? Id { get; set; }

    public static RpcException Unparsable() => new(NotJson, new(
        StatusCodes.Status400BadRequest, "not-json", "The message is not JSON", "Send one JSON-RPC 2.0 request as JSON text."));

    public static RpcException Invalid(string detail) => new(NoRequest, new(
        StatusCodes.Status400BadRequest, "invalid-request", "The message is no JSON-RPC request", detail));

    public static RpcException Unknown(string method) => new(NoMethod, new(
        StatusCodes.Status404NotFound, "unknown-method", "There is no such method", $"'{method}' is not known; there are subscribe, unsubscribe, command and publish."));

    public static RpcException Wrong(string parameter, string detail) => new(WrongParameter, Problem.BadParameter(parameter, detail));

    public static RpcException Failed() => new(Broken, new(
        StatusCodes.Status500InternalServerError, "failed", "The request failed", "The server could not answer; its log says more."));
}
