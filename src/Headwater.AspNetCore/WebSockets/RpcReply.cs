using System.Buffers;
using System.Text.Json;

namespace Headwater.AspNetCore;

/// <summary>Writes the answers of JSON-RPC 2.0.</summary>
internal static class RpcReply
{
    /// <param name="id">The request's.</param>
    /// <param name="members">Writes the members of the result, which is an object.</param>
    public static byte[] Result(JsonElement id, Action<Utf8JsonWriter> members) => Write(id, json =>
    {
        json.WriteStartObject("result");
        members(json);
        json.WriteEndObject();
    });

    /// <param name="id">The request's; null if it could not be read.</param>
    /// <param name="code">JSON-RPC's code.</param>
    /// <param name="message">A sentence.</param>
    /// <param name="problem">The problem's JSON.</param>
    public static byte[] Error(JsonElement? id, int code, string message, ReadOnlyMemory<byte> problem) => Write(id, json =>
    {
        json.WriteStartObject("error");
        json.WriteNumber("code", code);
        json.WriteString("message", message);
        json.WritePropertyName("data");
        json.WriteRawValue(problem.Span);
        json.WriteEndObject();
    });

    private static byte[] Write(JsonElement? id, Action<Utf8JsonWriter> outcome)
    {
        var message = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(message))
        {
            json.WriteStartObject();
            json.WriteString("jsonrpc", "2.0");
            json.WritePropertyName("id");
            if (id is { } known)
                known.WriteTo(json);
            else
                json.WriteNullValue();
            outcome(json);
            json.WriteEndObject();
        }

        return message.WrittenSpan.ToArray();
    }
}
