using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Headwater.AspNetCore;

/// <summary>A command as it came, and its bytes, by which a retry is told from another request.</summary>
internal readonly record struct ReadCommand<TCommand>(TCommand Command, ReadOnlyMemory<byte> Bytes);

/// <summary>
/// Reads a command from a request's body, strictly: a field that is unknown, missing, null or of the wrong type is an error
/// that names it, because a command that is understood only in part does something its sender did not ask for.
/// </summary>
internal sealed class CommandBody<TCommand>
{
    private static readonly byte[] noFields = "{}"u8.ToArray();

    private readonly JsonTypeInfo<TCommand> json;
    private readonly int maxBytes;

    public CommandBody(Node node)
    {
        var options = new JsonSerializerOptions(node.Json.Of<TCommand>().Options)
        {
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
            AllowDuplicateProperties = false,
        };
        json = (JsonTypeInfo<TCommand>)options.GetTypeInfo(typeof(TCommand));
        maxBytes = node.Options.MaxCommandBytes;
    }

    public async ValueTask<ReadCommand<TCommand>> Read(HttpRequest request)
    {
        var bytes = await ReadBytes(request);
        if (bytes.Length > 0 && !request.HasJsonContentType())
            throw new ProblemException(new(StatusCodes.Status415UnsupportedMediaType, "not-json", "The body is not JSON",
                $"The Content-Type is '{request.ContentType}'; send the command as application/json."));
        try
        {
            var command = JsonSerializer.Deserialize(bytes.Length == 0 ? noFields : bytes.Span, json);
            return command is null
                ? throw Malformed("$", "The body is null; send a JSON object.")
                : new ReadCommand<TCommand>(command, bytes);
        }
        catch (JsonException e)
        {
            throw Malformed(e.Path ?? "$", Explain(e.Message));
        }
    }

    private async ValueTask<ReadOnlyMemory<byte>> ReadBytes(HttpRequest request)
    {
        if (request.ContentLength > maxBytes)
            throw TooLarge();
        while (true)
        {
            var read = await request.BodyReader.ReadAsync(request.HttpContext.RequestAborted);
            if (read.Buffer.Length > maxBytes)
                throw TooLarge();
            if (read.IsCompleted)
            {
                var bytes = read.Buffer.ToArray();
                request.BodyReader.AdvanceTo(read.Buffer.End);
                return bytes;
            }

            request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private ProblemException TooLarge() => new(new(StatusCodes.Status413PayloadTooLarge, "too-large", "The body is too large",
        $"A command has at most {maxBytes:N0} bytes (HeadwaterOptions.MaxCommandBytes)."));

    private static ProblemException Malformed(string path, string detail) =>
        new(new(StatusCodes.Status400BadRequest, "malformed-command", "The command cannot be read", $"At {path}: {detail}")
        {
            Members = { ["field"] = path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : path },
        });

    /// <summary>Says in the client's words what the serializer says with the names of .NET types, which are no client's business.</summary>
    private string Explain(string message)
    {
        const string missing = "missing required properties including: ";
        if (message.Contains("could not be mapped to any .NET member", StringComparison.Ordinal))
            return $"the field is unknown; this command has {string.Join(", ", json.Properties.Select(property => $"'{property.Name}'"))}.";
        if (message.IndexOf(missing, StringComparison.Ordinal) is >= 0 and var at)
            return $"fields are missing: {message[(at + missing.Length)..]}";
        if (message.Contains("could not be converted to", StringComparison.Ordinal))
            return "the value has another type than the field.";
        if (message.Contains("doesn't allow null", StringComparison.Ordinal) || message.Contains("does not allow null", StringComparison.Ordinal))
            return "the field must not be null.";
        var path = message.IndexOf(" Path: $", StringComparison.Ordinal);
        return path < 0 ? message : message[..path];
    }
}
