using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;
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
    private const string Missing = "missing required properties including: ";

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
            PropertyNameCaseInsensitive = false,
            NumberHandling = JsonNumberHandling.Strict,
        };
        json = (JsonTypeInfo<TCommand>)options.GetTypeInfo(typeof(TCommand));
        maxBytes = node.Options.MaxCommandBytes;
    }

    public async ValueTask<ReadCommand<TCommand>> Read(HttpRequest request)
    {
        var bytes = await RequestBody.Read(request, maxBytes, TooLarge);
        if (bytes.Length > 0 && !RequestBody.IsJson(request))
            throw new ProblemException(new(StatusCodes.Status415UnsupportedMediaType, "not-json", "The body is not JSON",
                "Send the command as application/json in UTF-8, not compressed."));
        if (!Utf8.IsValid(bytes.Span))
            throw Malformed("$", "the body is not UTF-8.");
        try
        {
            var command = JsonSerializer.Deserialize(bytes.Length == 0 ? noFields : bytes.Span, json);
            return command is null
                ? throw Malformed("$", "the body is null; send a JSON object.")
                : new ReadCommand<TCommand>(command, bytes);
        }
        catch (JsonException e)
        {
            throw Malformed(MissingField(e.Message) ?? e.Path ?? "$", Explain(e));
        }
    }

    private ProblemException TooLarge() => new(new(StatusCodes.Status413PayloadTooLarge, "too-large", "The body is too large",
        $"A command has at most {maxBytes:N0} bytes (HeadwaterOptions.MaxCommandBytes)."));

    private static ProblemException Malformed(string path, string detail) =>
        new(new(StatusCodes.Status400BadRequest, "malformed-command", "The command cannot be read", $"At {path}: {detail}")
        {
            Members = { ["field"] = path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : path },
        });

    private static string? MissingField(string message)
    {
        if (message.IndexOf(Missing, StringComparison.Ordinal) is not (>= 0 and var at))
            return null;
        var names = message[(at + Missing.Length)..].Split('\'');
        return names.Length > 1 ? $"$.{names[1]}" : null;
    }

    /// <summary>Says in the client's words what the serializer says with the names of .NET types, which are no client's business.</summary>
    private string Explain(JsonException e) => e.Message switch
    {
        var text when text.Contains("could not be mapped to any .NET member", StringComparison.Ordinal) =>
            $"the field is unknown; this command has {string.Join(", ", json.Properties.Select(property => $"'{property.Name}'"))}.",
        var text when text.IndexOf(Missing, StringComparison.Ordinal) is >= 0 and var at =>
            $"missing here: {text[(at + Missing.Length)..]}",
        var text when text.StartsWith("Duplicate property", StringComparison.Ordinal) => "the field stands there twice.",
        var text when text.Contains("allow null", StringComparison.Ordinal) => "the field must not be null.",
        var text when text.Contains("could not be converted to", StringComparison.Ordinal) => "the value does not fit the field.",
        _ => string.Create(CultureInfo.InvariantCulture, $"the JSON is malformed at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}."),
    };
}
