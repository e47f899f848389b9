using System.Buffers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Headwater.AspNetCore;

/// <summary>Answers queries from a read model over HTTP. Rows leave as they are stored, without being decoded.</summary>
internal sealed class ReadModelEndpoint(Node node, ReadModel model)
{
    private static readonly TimeSpan defaultWait = TimeSpan.FromSeconds(2);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("", Headers.Reading, GetRows);
        routes.MapMethods("{key}", Headers.Reading, GetRow);
    }

    private Task GetRow(HttpContext context) => Guard.Run(context, async () =>
    {
        var key = PathKey.Of(context, "key");
        await WaitIfAsked(context, key);
        var page = await model.ReadRow(key, context.RequestAborted);
        context.Response.Headers[Headers.Cursor] = model.CursorOf(page.State).ToString();
        if (page.Rows is not [{ Data: { } row } stored])
            throw new ProblemException(Problem.NotFound($"'{model.Name}' has no row '{key}'."));
        if (!Headers.NotModified(context, $"\"{page.State.Checkpoint.Generation}.{stored.Position}\""))
            await Write(context, row);
    });

    private Task GetRows(HttpContext context) => Guard.Run(context, async () =>
    {
        var (fields, after, limit) = Query(context.Request);
        await WaitIfAsked(context, null);
        var page = await model.FindRows(fields, after, limit, context.RequestAborted);
        context.Response.Headers[Headers.Cursor] = model.CursorOf(page.State).ToString();
        if (page.Rows.Count == limit)
            context.Response.Headers.Link = Paging.Link(context.Request, page.Rows[^1].Key);

        // Any change of the read model changes the tag; that is more often than need be, and never too seldom.
        if (Headers.NotModified(context, $"W/\"{page.State.Checkpoint.Generation}.{page.State.Checkpoint.Position}\""))
            return;
        var body = new ArrayBufferWriter<byte>();
        body.Write("["u8);
        for (var i = 0; i < page.Rows.Count; i++)
        {
            if (i > 0)
                body.Write(","u8);
            body.Write(page.Rows[i].Data!.Value.Span);
        }

        body.Write("]"u8);
        await Write(context, body.WrittenMemory);
    });

    private async ValueTask WaitIfAsked(HttpContext context, string? key)
    {
        if (context.Request.Headers[Headers.AtLeast] is not { Count: > 0 } header)
            return;
        if (!Cursor.TryParse(header.ToString(), out var cursor))
            throw new ProblemException(Problem.BadParameter(Headers.AtLeast, "This is no cursor; send one that a command answered with in Headwater-Cursor."));
        if (cursor.Epoch != node.Tail.Epoch)
            throw new ProblemException(Problem.BadParameter(Headers.AtLeast, "The cursor belongs to another log."));

        var wait = Headers.Wait(context, defaultWait, node.Options.MaxWait);
        if (!await model.WaitFor(key, cursor.AtLeast, wait, context.RequestAborted))
            context.Response.Headers[Headers.Stale] = "true";
    }

    private (List<FieldValue> Fields, string? After, int Limit) Query(HttpRequest request)
    {
        var fields = new List<FieldValue>();
        string? after = null;
        var limit = Paging.Limit(request);
        foreach (var (name, values) in request.Query)
        {
            var value = values.ToString();
            if (name == Paging.LimitParameter)
                continue;
            if (name == Paging.AfterParameter)
            {
                after = value;
            }
            else if (model.IndexedFields.Contains(name))
            {
                fields.Add(new FieldValue(name, value));
            }
            else
            {
                throw new ProblemException(Problem.BadParameter(name,
                    $"'{model.Name}' cannot be asked by '{name}'; it can by {string.Join(", ", model.IndexedFields.Append(Paging.AfterParameter).Append(Paging.LimitParameter))}."));
            }
        }

        return (fields, after, limit);
    }

    private static Task Write(HttpContext context, ReadOnlyMemory<byte> json)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.ContentLength = json.Length;
        return context.Response.Body.WriteAsync(json, context.RequestAborted).AsTask();
    }
}
