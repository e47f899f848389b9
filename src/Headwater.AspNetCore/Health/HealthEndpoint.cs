using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Headwater.AspNetCore;

/// <summary>Says whether the application can answer, and what its subscriptions and projections are doing.</summary>
internal static class HealthEndpoint
{
    public static void Map(IEndpointRouteBuilder routes, Node node, FeedConnections connections)
    {
        routes.MapMethods("/health", Headers.Reading, context => Write(
            context, CanAnswer(node), new HealthSummary(StatusOf(node, [])), HealthJson.Default.HealthSummary));
        routes.MapMethods("/health/detail", Headers.Reading, context => Detail(context, node, connections));
        routes.MapMethods("/health/connections", Headers.Reading, context => Write(
            context, CanAnswer(node), ConnectionsHealth.Of(node, connections), ConnectionsJson.Default.ConnectionsHealth));
    }

    private static bool CanAnswer(Node node) => node.IsReady && !node.Tail.IsFailing;

    private static string StatusOf(Node node, IReadOnlyList<SubscriptionStatus> statuses) => node switch
    {
        { IsReady: false } => "starting",
        { Tail.IsFailing: true } => "unavailable",
        { Log.IsFailing: true } or { Leases.IsFailing: true } => "degraded",
        _ when statuses.Any(status => status.State is SubscriptionState.Stopped or SubscriptionState.Retrying) => "degraded",
        _ when node.Sources.Any(source => source.Status.State is SourceState.Stopped or SourceState.Retrying) => "degraded",
        _ => "ready",
    };

    private static async Task Detail(HttpContext context, Node node, FeedConnections connections)
    {
        var inline = node.Projections.Where(projection => projection.IsInline).Select(projection => projection.Name).ToHashSet();
        var projections = node.Projections.Select(projection => projection.Name).ToHashSet();
        var statuses = await node.Status(context.RequestAborted);
        var detail = new HealthDetail(
            StatusOf(node, statuses), node.Tail.Epoch, node.Tail.Position.Value, !node.Tail.IsFailing, !node.Log.IsFailing, connections.Open,
            Describe(node.Watermark), node.Leases?.Self.Id, [.. (node.Leases?.Nodes ?? []).OrderBy(each => each.StartedAt)],
            [.. statuses.Where(status => projections.Contains(status.Name)).Select(status => Describe(status, inline.Contains(status.Name) ? "inline" : "async"))],
            [.. statuses.Where(status => !projections.Contains(status.Name)).Select(status => Describe(status, "subscription"))],
            [.. node.Sources.Select(source => Describe(source.Status))]);
        await Write(context, CanAnswer(node), detail, HealthJson.Default.HealthDetail);
    }

    private static SubscriptionHealth Describe(SubscriptionStatus status, string kind) => new(
        status.Name, kind, JsonNamingPolicy.KebabCaseLower.ConvertName(status.State.ToString()), status.Position.Value, status.Generation,
        status.LagEvents, Math.Round(status.Lag.TotalSeconds, 3), status.Owner, status.Failure);

    private static WatermarkHealth? Describe(IWatermark? watermark) => watermark?.Status is not { } status ? null : new(
        status.Position.Value, status.Issued.Value, Math.Round(status.Waiting.TotalSeconds, 3), status.Holder is not { } holder ? null : new(
            holder.Pid, holder.Application, holder.State, holder.Prepared, Math.Round(holder.Age.TotalSeconds, 3)));

    private static SourceHealth Describe(SourceStatus status) => new(
        status.Name, JsonNamingPolicy.KebabCaseLower.ConvertName(status.State.ToString()), status.Position, status.LagBytes,
        Math.Round(status.Lag.TotalSeconds, 3), status.RetainedBytes, status.Failure);

    private static Task Write<T>(HttpContext context, bool isReady, T value, JsonTypeInfo<T> json)
    {
        context.Response.StatusCode = isReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsJsonAsync(value, json, cancellationToken: context.RequestAborted);
    }
}

internal sealed record HealthSummary(string Status);

internal sealed record HealthDetail(
    string Status, string Epoch, long Head, bool CanRead, bool CanAppend, int FeedConnections,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] WatermarkHealth? Watermark,
    string? Node, IReadOnlyList<NodeInfo> Nodes,
    IReadOnlyList<SubscriptionHealth> Projections, IReadOnlyList<SubscriptionHealth> Subscriptions, IReadOnlyList<SourceHealth> Sources);

internal sealed record SubscriptionHealth(
    string Name, string Kind, string State, long Position, int Generation, long LagEvents, double LagSeconds, string? Owner, string? Failure);

internal sealed record WatermarkHealth(long Position, long Issued, double WaitingSeconds, WatermarkHolderHealth? Holder);

internal sealed record WatermarkHolderHealth(int? Pid, string? Application, string? State, string? Prepared, double AgeSeconds);

internal sealed record SourceHealth(
    string Name, string State, string? Position, long? LagBytes, double LagSeconds, long? RetainedBytes, string? Failure);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(HealthSummary))]
[JsonSerializable(typeof(HealthDetail))]
internal sealed partial class HealthJson : JsonSerializerContext;
