using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Headwater.AspNetCore;

/// <summary>
/// Sends marks at known times, as server-sent events with the headers of a feed, so that a client can judge what stands between it
/// and the server (<see cref="ProbeVerdict"/>). It tells nothing that a client does not know, but for what a proxy has added.
/// </summary>
internal sealed class FeedProbe(Node node, FeedConnections connections)
{
    // What holds an answer's last part back until more comes is found by the time that the last mark takes.
    private static readonly TimeSpan pauseBeforeEnd = TimeSpan.FromSeconds(1);

    public static void Map(IEndpointRouteBuilder routes, Node node, FeedConnections connections)
    {
        // No feed's name begins like this.
        var probe = new FeedProbe(node, connections);
        routes.MapGet("/feeds/_probe", (RequestDelegate)(context => Guard.Run(context, () => probe.Send(context))));
    }

    private async Task Send(HttpContext context)
    {
        var began = node.Time.GetTimestamp();
        var count = Parameter(context.Request, "marks", otherwise: 5, least: 2, most: 20);
        var every = Parameter(context.Request, "every", otherwise: 200, least: 20, most: 1000);
        var headers = context.Request.Headers;
        SseResponse.Begin(context);
        await Write(context, "request", JsonSerializer.SerializeToUtf8Bytes(
            new ProbeRequest(context.Request.Protocol, Text(headers.AcceptEncoding), Text(headers.Via), headers.ContainsKey("X-Forwarded-For"), count, every),
            ProbeJson.Default.ProbeRequest));

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(connections.Stopping, context.RequestAborted);
        try
        {
            for (var number = 1; number <= count; number++)
            {
                if (number > 1)
                    await Task.Delay(TimeSpan.FromMilliseconds(every), node.Time, ended.Token);
                await Write(context, "mark", JsonSerializer.SerializeToUtf8Bytes(
                    new ProbeMarkSent(number, node.Time.GetElapsedTime(began).TotalMilliseconds, node.Time.GetUtcNow()), ProbeJson.Default.ProbeMarkSent));
            }

            await Task.Delay(pauseBeforeEnd, node.Time, ended.Token);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The server stops, or the client has seen enough.
            return;
        }

        // EventSource would come back; whoever uses it closes it here.
        await Write(context, "end", "{}"u8.ToArray());
    }

    private static async Task Write(HttpContext context, string name, byte[] json)
    {
        await context.Response.Body.WriteAsync((byte[])[.. SseFormat.Encode(new Frame(name, json)), .. "\n"u8], context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    private static string? Text(Microsoft.Extensions.Primitives.StringValues values) => values.Count == 0 ? null : values.ToString();

    private static int Parameter(HttpRequest request, string name, int otherwise, int least, int most)
    {
        if (!request.Query.TryGetValue(name, out var given))
            return otherwise;
        return int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value
            : throw new ProblemException(Problem.BadParameter(name, $"'{given}' is out of bounds: expected {least} to {most}."));
    }
}

/// <summary>What the server was asked, and how.</summary>
/// <param name="Protocol">The protocol that the last proxy speaks, or the client itself.</param>
/// <param name="AcceptEncoding">As it came; a proxy may have changed it.</param>
/// <param name="Via">The proxies that name themselves.</param>
/// <param name="IsForwarded">Whether a proxy tells for whom it asks.</param>
/// <param name="Marks">How many are to come.</param>
/// <param name="Every">The milliseconds between two.</param>
internal sealed record ProbeRequest(string Protocol, string? AcceptEncoding, string? Via, bool IsForwarded, int Marks, int Every);

/// <summary>A mark.</summary>
/// <param name="Number">From 1.</param>
/// <param name="SentAfter">The milliseconds since the server had the request.</param>
/// <param name="SentAt">The server's clock.</param>
internal sealed record ProbeMarkSent(int Number, double SentAfter, DateTimeOffset SentAt);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ProbeRequest))]
[JsonSerializable(typeof(ProbeMarkSent))]
internal sealed partial class ProbeJson : JsonSerializerContext;
