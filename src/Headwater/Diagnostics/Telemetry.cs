using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Headwater;

/// <summary>Traces and metrics, both under the name "Headwater".</summary>
internal static class Telemetry
{
    public const string Name = "Headwater";

    public static readonly ActivitySource Source = new(Name);
    public static readonly Meter Meter = new(Name);

    // The usual bounds are made for milliseconds.
    private static readonly InstrumentAdvice<double> seconds = new()
    {
        HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    };

    private static readonly Histogram<double> appendDuration =
        Meter.CreateHistogram("headwater.append.duration", "s", "Time from the call of an append to its commit.", advice: seconds);

    private static readonly Counter<long> appendedEvents =
        Meter.CreateCounter<long>("headwater.append.events", "{event}", "Events appended.");

    private static readonly Counter<long> handledEvents =
        Meter.CreateCounter<long>("headwater.subscription.events", "{event}", "Events handled by subscriptions and projections.");

    private static readonly Counter<long> subscriptionFailures =
        Meter.CreateCounter<long>("headwater.subscription.failures", "{failure}", "Events a subscription could not handle.");

    private static readonly Counter<long> publishedMessages =
        Meter.CreateCounter<long>("headwater.topic.messages", "{message}", "Messages published to topics.");

    public static readonly UpDownCounter<long> Connections =
        Meter.CreateUpDownCounter<long>("headwater.feed.connections", "{connection}", "Open feed connections.");

    public static readonly Counter<long> Deliveries =
        Meter.CreateCounter<long>("headwater.feed.deliveries", "{frame}", "Frames written to feed connections.");

    public static readonly Counter<long> DeliveredBytes =
        Meter.CreateCounter<long>("headwater.feed.bytes", "By", "Bytes written to feed connections.");

    public static readonly Histogram<double> DeliveryLatency =
        Meter.CreateHistogram("headwater.feed.delivery.latency", "s", "Time from the record of an event to its write to a client that had caught up.", advice: seconds);

    public static readonly Counter<long> Drops =
        Meter.CreateCounter<long>("headwater.feed.drops", "{connection}", "Feed connections that the server ended for a reason of the client's.");

    public static readonly Counter<long> Refusals =
        Meter.CreateCounter<long>("headwater.feed.refusals", "{request}", "Feed requests beyond a limit.");

    public static readonly Counter<long> Resets =
        Meter.CreateCounter<long>("headwater.feed.resets", "{reset}", "Feed cursors that could not be resumed.");

    public static KeyValuePair<string, object?> Feed(string name) => new("headwater.feed.name", name);

    /// <summary>Whether somebody looks at traces, and the trace of what has this <c>traceparent</c> (W3C Trace Context) is recorded.</summary>
    public static bool IsTraced(string? traceParent) =>
        traceParent is { Length: 55 } && "13579bdf".Contains(traceParent[^1], StringComparison.Ordinal) && Source.HasListeners();

    /// <summary>Adds to the trace of an event the time from its record to its first delivery by a feed.</summary>
    public static void Delivered(string feed, string traceParent, DateTimeOffset recorded, DateTimeOffset written)
    {
        if (!ActivityContext.TryParse(traceParent, null, isRemote: true, out var parent))
            return;
        using var activity = Source.StartActivity("deliver", ActivityKind.Producer, parent, [Feed(feed)], startTime: recorded);
        activity?.SetEndTime(written.UtcDateTime);
    }

    public static void Appended(string outcome, int events, TimeSpan elapsed, Activity? activity)
    {
        activity?.SetTag("headwater.append.outcome", outcome);
        appendDuration.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("headwater.append.outcome", outcome));
        if (events > 0)
            appendedEvents.Add(events);
    }

    public static void Published(string topic) => publishedMessages.Add(1, new KeyValuePair<string, object?>("headwater.topic.name", topic));

    public static void Handled(string subscription, int events) =>
        handledEvents.Add(events, new KeyValuePair<string, object?>("headwater.subscription.name", subscription));

    public static void Failed(string subscription) =>
        subscriptionFailures.Add(1, new KeyValuePair<string, object?>("headwater.subscription.name", subscription));
}
