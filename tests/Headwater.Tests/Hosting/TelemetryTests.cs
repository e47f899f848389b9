using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.Tests;

public sealed class TelemetryTests
{
    [Fact]
    public async Task What_happens_is_measured_under_stable_names()
    {
        var measured = new ConcurrentBag<(string Name, double Value, string Tags)>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Meter.Name == "Headwater")
                    listening.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => measured.Add((instrument.Name, value, Text(tags))));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => measured.Add((instrument.Name, value, Text(tags))));
        listener.Start();

        // Names of their own, because other tests measure at the same time.
        var handler = new Recorder { Before = happened => happened.Position.Value == 2 ? throw new TimeoutException("planted") : ValueTask.CompletedTask };
        await using var world = await World.Start(headwater =>
        {
            headwater.Services.AddSingleton(handler);
            headwater.AddSubscription<Recorder>("measured", measuring => measuring.OnError(ErrorPolicy.Skip));
        });
        var batch = world.Log.Prepare(World.Stream("1"), ExpectedVersion.None, Enumerable.Repeat<object>(new OrderEvent.Opened("Ada"), 7));
        await world.Log.Append([batch], World.Cancel);
        await world.Log.Append([batch], World.Cancel);
        await world.Log.Append(World.Stream("1"), ExpectedVersion.None, [new OrderEvent.Opened("Ada")], cancel: World.Cancel);
        await world.Settle();

        Assert.Contains(("headwater.append.events", 7, ""), measured);
        foreach (var outcome in new[] { "appended", "known", "conflict" })
            Assert.Contains(measured, each => each.Name == "headwater.append.duration" && each.Tags == $"headwater.append.outcome={outcome}");
        Assert.Contains(measured, each => each is { Name: "headwater.subscription.events", Tags: "headwater.subscription.name=measured", Value: > 0 });
        Assert.Contains(measured, each => each is { Name: "headwater.subscription.failures", Tags: "headwater.subscription.name=measured", Value: 1 });
    }

    [Fact]
    public async Task Lag_is_measured_in_events_and_in_seconds()
    {
        var lags = new Dictionary<string, double>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Name.StartsWith("headwater.subscription.lag", StringComparison.Ordinal))
                    listening.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument, value, tags));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument, value, tags));
        listener.Start();

        var handler = new Recorder { Before = happened => happened.Position.Value == 3 ? throw new TimeoutException("planted") : ValueTask.CompletedTask };
        await using var world = await World.Start(headwater =>
        {
            headwater.Services.AddSingleton(handler);
            headwater.AddSubscription<Recorder>("lagging");
        });
        await world.Log.Append(World.Stream("1"), ExpectedVersion.None, Enumerable.Repeat<object>(new OrderEvent.Opened("Ada"), 7), cancel: World.Cancel);
        await world.Until(async () => (await world.Status("lagging")).State is SubscriptionState.Stopped && world.Node.Tail.Position.Value == 7);
        world.Time.Advance(TimeSpan.FromSeconds(90));
        listener.RecordObservableInstruments();

        Assert.Equal(5, lags["headwater.subscription.lag.events"]);
        Assert.InRange(lags["headwater.subscription.lag.time"], 90, 100);

        void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (Text(tags) == "headwater.subscription.name=lagging")
                lags[instrument.Name] = value;
        }
    }

    [Fact]
    public async Task An_append_is_an_activity_with_its_outcome()
    {
        var activities = new ConcurrentBag<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Headwater",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activities.Add,
        };
        ActivitySource.AddActivityListener(listener);
        await using var world = await World.Start();
        using var request = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        await world.Open("1");

        var append = Assert.Single(activities, activity => activity.TraceId == request.TraceId);
        Assert.Equal(("append", ActivityKind.Producer, request.SpanId), (append.OperationName, append.Kind, append.ParentSpanId));
        Assert.Equal("appended", append.GetTagItem("headwater.append.outcome"));
        Assert.Equal(request.Id, (await world.Log.ReadStream(World.Stream("1"), cancel: World.Cancel))[0].Metadata.TraceParent);
    }

    private static string Text(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var parts = new List<string>();
        foreach (var (name, value) in tags)
            parts.Add($"{name}={value}");
        return string.Join(",", parts);
    }
}
