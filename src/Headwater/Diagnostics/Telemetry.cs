using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Headwater;

/// <summary>Traces and metrics, both under the name "Headwater".</summary>
internal static class Telemetry
{
    public const string Name = "Headwater";

    public static readonly ActivitySource Source = new(Name);
    public static readonly Meter Meter = new(Name);

    private static readonly Histogram<double> appendDuration =
        Meter.CreateHistogram<double>("headwater.append.duration", "s", "Time from the call of an append to its commit.");

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

    public static readonly Counter<long> Resets =
        Meter.CreateCounter<long>("headwater.feed.resets", "{reset}", "Feed cursors that could not be resumed.");

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
