using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Headwater.AspNetCore;

/// <summary>Answers queries for a stream's state, and commands, over HTTP.</summary>
internal sealed class StreamEndpoint<TState, TEvent>(Node node, Decider<TState, TEvent> decider, string keyParameter)
    where TState : IState<TState, TEvent>
    where TEvent : notnull
{
    private const int MaxIdempotencyKey = 255;

    private readonly JsonTypeInfo<TState> json = node.Json.Of<TState>();

    public Node Node => node;

    public Task Get(HttpContext context) => Guard.Run(context, async () =>
    {
        var key = Key(context);
        var asOf = AsOfAsked(context.Request);

        // The cursor is taken before the state: following from it may repeat what the state has, but never misses anything.
        var cursor = node.Log.CursorAfter((await node.Log.Head(context.RequestAborted)).Position);
        var loaded = await decider.Load(key, asOf, context.RequestAborted);
        if (loaded.Version == 0)
            throw new ProblemException(Problem.NotFound(asOf == AsOf.Now
                ? $"'{decider.StreamOf(key)}' has no events."
                : $"'{decider.StreamOf(key)}' had no events by then."));

        context.Response.Headers[Headers.Cursor] = (asOf == AsOf.Now ? node.Log.Knowing(loaded.Position, cursor) : node.Log.CursorAfter(loaded.Position)).ToString();
        if (!Headers.NotModified(context, ETag(loaded.Version)))
            await Write(context, loaded.State);
    });

    public Task Post<TCommand>(HttpContext context, Func<HttpRequest, ValueTask<ReadCommand<TCommand>>> read)
        where TCommand : ICommand<TState, TEvent> => Guard.Run(context, async () =>
    {
        var key = Key(context);
        var (command, bytes) = await read(context.Request);
        var idempotencyKey = IdempotencyKeyOf(context, bytes.Span);
        var expected = Expected(context.Request);
        if (context.Request.Headers.IfMatch == "*" && (await decider.Load(key, cancel: context.RequestAborted)).Version == 0)
        {
            await Answer(context, new CommandResult<TState>.Stale(decider.StreamOf(key), expected, 0));
            return;
        }

        var result = await decider.Execute(key, command, new CommandContext
        {
            Expected = expected,
            IdempotencyKey = idempotencyKey,
            Metadata = new EventMetadata
            {
                Actor = context.User.Identity?.Name,
                Causation = context.TraceIdentifier,
                Correlation = Activity.Current?.TraceId.ToString(),
            },
        }, context.RequestAborted);

        await Answer(context, result);
    });

    private Task Answer(HttpContext context, CommandResult<TState> result)
    {
        switch (result)
        {
            case CommandResult<TState>.Accepted accepted:
                context.Response.Headers[Headers.Cursor] = accepted.Cursor.ToString();
                context.Response.Headers.ETag = ETag(accepted.Version);
                return Write(context, accepted.State);

            case CommandResult<TState>.Refused { Refusal: var refusal }:
                return new Problem(
                    refusal.IsInvalid ? StatusCodes.Status422UnprocessableEntity : StatusCodes.Status409Conflict,
                    refusal.Code, "The command is refused", refusal.Detail).Write(context);

            case CommandResult<TState>.Stale stale:
                context.Response.Headers.ETag = ETag(stale.Actual);
                return new Problem(StatusCodes.Status412PreconditionFailed, "stale-version", "Somebody else changed it first",
                    $"'{stale.Stream}' is at version {stale.Actual}, and the request expects {(stale.Expected.Value < 0 ? "it to exist" : stale.Expected)}. Load it again and decide anew.")
                {
                    Members = { ["expected"] = stale.Expected.Value, ["actual"] = stale.Actual },
                }.Write(context);

            case CommandResult<TState>.KeyReused:
                return new Problem(StatusCodes.Status422UnprocessableEntity, "idempotency-key-reused", "The idempotency key is taken",
                    "This Idempotency-Key came with another request before; a key stands for one request. Send a new one.").Write(context);

            case CommandResult<TState>.Contended contended:
                context.Response.Headers.RetryAfter = "1";
                return new Problem(StatusCodes.Status409Conflict, "contended", "Too many changes at once",
                    $"'{contended.Stream}' was changed by others at each of {contended.Attempts} attempts. Try again.").Write(context);

            default:
                throw new UnreachableException();
        }
    }

    private Task Write(HttpContext context, TState state)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        var bytes = JsonSerializer.SerializeToUtf8Bytes(state, json);
        context.Response.ContentLength = bytes.Length;
        return context.Response.Body.WriteAsync(bytes, context.RequestAborted).AsTask();
    }

    private string Key(HttpContext context)
    {
        var key = PathKey.Of(context, keyParameter);
        return StreamId.IsKey(key, decider.Category)
            ? key
            : throw new ProblemException(Problem.BadParameter(keyParameter,
                $"'{keyParameter}' is no key: expected 1 to {StreamId.MaxLength - decider.Category.Length - 1} characters and no control characters."));
    }

    private AsOf AsOfAsked(HttpRequest request)
    {
        var (at, version) = (request.Query["at"].ToString(), request.Query["version"].ToString());
        if (version.Length > 0)
            return long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? AsOf.Version(number)
                : throw new ProblemException(Problem.BadParameter("version", $"'{version}' is no version: expected a whole number."));
        if (at.Length == 0)
            return AsOf.Now;
        if (Cursor.TryParse(at, out var cursor))
            return cursor.Epoch == node.Tail.Epoch
                ? AsOf.Position(cursor.AtLeast)
                : throw new ProblemException(Problem.BadParameter("at", "The cursor belongs to another log."));
        return DateTimeOffset.TryParse(at, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant)
            ? AsOf.Instant(instant)
            : throw new ProblemException(Problem.BadParameter("at", $"'{at}' is neither an ISO 8601 instant (in a query a plus is written %2B) nor a cursor."));
    }

    private static ExpectedVersion Expected(HttpRequest request)
    {
        if (request.Headers.IfNoneMatch is { Count: > 0 } none)
            return none == "*"
                ? ExpectedVersion.None
                : throw new ProblemException(Problem.BadParameter("If-None-Match", "For a command only If-None-Match: * (it must not exist yet) is understood."));
        if (request.Headers.IfMatch is not { Count: > 0 } match || match == "*")
            return ExpectedVersion.Any;
        var tag = match.ToString();
        if (tag.StartsWith("W/", StringComparison.Ordinal) || !tag.StartsWith('"') || !tag.EndsWith('"')
            || !long.TryParse(tag.AsSpan(1, Math.Max(0, tag.Length - 2)), NumberStyles.None, CultureInfo.InvariantCulture, out var version))
            throw new ProblemException(Problem.BadParameter("If-Match", $"'{tag}' is no version of this resource: send one ETag it answered with, such as \"3\"."));
        return ExpectedVersion.Exactly(version);
    }

    /// <summary>The key is its user's own: two users who choose the same one do not meet.</summary>
    private static IdempotencyKey? IdempotencyKeyOf(HttpContext context, ReadOnlySpan<byte> body)
    {
        if (context.Request.Headers[Headers.IdempotencyKey] is not { Count: > 0 } header)
            return null;
        var key = header.ToString().Trim();
        if (key.Length > 1 && key.StartsWith('"') && key.EndsWith('"'))
            key = key[1..^1];
        if (key.Length is 0 or > MaxIdempotencyKey)
            throw new ProblemException(Problem.BadParameter(Headers.IdempotencyKey, $"The key has {key.Length} characters; expected 1 to {MaxIdempotencyKey}."));

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{context.Request.Method} {context.Request.Path}\n"));
        hash.AppendData(body);
        return new IdempotencyKey($"{context.User.Identity?.Name}|{key}", Convert.ToHexString(hash.GetHashAndReset()));
    }

    private static string ETag(long version) => $"\"{version}\"";
}
