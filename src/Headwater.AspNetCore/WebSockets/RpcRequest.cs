using System.Text.Json;

namespace Headwater.AspNetCore;

/// <summary>
/// A request as JSON-RPC 2.0 has it. It is read strictly: a member that is unknown, twice there or of the wrong type is an error that
/// names it.
/// </summary>
internal readonly struct RpcRequest
{
    private readonly Dictionary<string, JsonElement> parameters;

    private RpcRequest(JsonElement? id, string method, Dictionary<string, JsonElement> parameters)
    {
        Id = id;
        Method = method;
        this.parameters = parameters;
    }

    public string Method { get; }

    /// <summary>The id by which the answer is found, or null if there is none and no answer is wanted.</summary>
    public JsonElement? Id { get; }

    /// <exception cref="RpcException">The message is no request.</exception>
    public static RpcRequest Of(JsonElement message)
    {
        if (message.ValueKind is not JsonValueKind.Object)
            throw RpcException.Invalid(message.ValueKind is JsonValueKind.Array
                ? "Batches are not understood: send each request as a message of its own."
                : "Expected an object with jsonrpc, id, method and params.");
        var members = Members(message, (name, detail) => RpcException.Invalid($"'{name}' {detail}"));
        JsonElement? id = members.TryGetValue("id", out var given) ? given : null;
        if (id is { ValueKind: not (JsonValueKind.String or JsonValueKind.Number) })
            throw RpcException.Invalid("'id' must be a string or a number.");
        if (id is { ValueKind: JsonValueKind.String } text)
            String("id", text);
        try
        {
            return Of(id, members);
        }
        catch (RpcException e)
        {
            e.Id = id;
            throw;
        }
    }

    private static RpcRequest Of(JsonElement? id, Dictionary<string, JsonElement> members)
    {
        foreach (var name in members.Keys)
            if (name is not ("jsonrpc" or "id" or "method" or "params"))
                throw RpcException.Invalid($"'{name}' is not known; a request has jsonrpc, id, method and params.");
        if (!members.TryGetValue("jsonrpc", out var version) || version.ValueKind is not JsonValueKind.String || String("jsonrpc", version) != "2.0")
            throw RpcException.Invalid("'jsonrpc' must be \"2.0\".");
        if (!members.TryGetValue("method", out var method) || method.ValueKind is not JsonValueKind.String)
            throw RpcException.Invalid("'method' must be a string.");
        if (!members.TryGetValue("params", out var parameters))
            return new RpcRequest(id, String("method", method), []);
        return parameters.ValueKind is JsonValueKind.Object
            ? new RpcRequest(id, String("method", method), Members(parameters, (name, detail) => RpcException.Wrong(name, $"'{name}' {detail}")))
            : throw RpcException.Invalid("'params' must be an object; parameters go by name.");
    }

    /// <summary>Refuses parameters that the method does not have.</summary>
    public RpcRequest Has(params ReadOnlySpan<string> known)
    {
        foreach (var name in parameters.Keys)
            if (!known.Contains(name))
                throw RpcException.Wrong(name, $"'{name}' is not known; {Method} has {string.Join(", ", known)}.");
        return this;
    }

    public JsonElement? Raw(string name) => parameters.TryGetValue(name, out var value) ? value : null;

    public string Text(string name) => OptionalText(name) ?? throw RpcException.Wrong(name, $"'{name}' is missing.");

    public string? OptionalText(string name)
    {
        if (Raw(name) is not { ValueKind: not JsonValueKind.Null } value)
            return null;
        return value.ValueKind is JsonValueKind.String ? String(name, value) : throw RpcException.Wrong(name, $"'{name}' must be a string.");
    }

    /// <summary>One text or several; none if the parameter is missing.</summary>
    public string[] Texts(string name)
    {
        if (Raw(name) is not { ValueKind: JsonValueKind.Array } array)
            return OptionalText(name) is { } text ? [text] : [];
        var texts = new string[array.GetArrayLength()];
        for (var i = 0; i < texts.Length; i++)
            texts[i] = array[i].ValueKind is JsonValueKind.String
                ? String(name, array[i])
                : throw RpcException.Wrong(name, $"'{name}' must be a string, or an array of them.");
        return texts;
    }

    private static Dictionary<string, JsonElement> Members(JsonElement of, Func<string, string, RpcException> wrong)
    {
        var members = new Dictionary<string, JsonElement>();
        foreach (var member in of.EnumerateObject())
        {
            var name = Unicode(() => member.Name) ?? throw RpcException.Invalid("A name in it is not Unicode.");
            if (!members.TryAdd(name, member.Value))
                throw wrong(name, "stands there twice.");
        }

        return members;
    }

    private static string String(string name, JsonElement value) =>
        Unicode(value.GetString) ?? throw RpcException.Invalid($"'{name}' is not Unicode.");

    /// <summary>JSON can name half a character ("\ud83d"), which no string may hold.</summary>
    private static string? Unicode(Func<string?> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
