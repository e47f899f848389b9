using System.Diagnostics.Metrics;

namespace Headwater.AspNetCore.Tests;

/// <summary>Sees each measurement of an instrument.</summary>
internal sealed class Measured : IDisposable
{
    private readonly MeterListener listener = new();

    private Measured(string instrument, Action<double, IReadOnlyDictionary<string, object?>> measured)
    {
        listener.InstrumentPublished = (published, self) =>
        {
            if (published.Meter.Name == "Headwater" && published.Name == instrument)
                self.EnableMeasurementEvents(published);
        };
        listener.SetMeasurementEventCallback<long>((_, measurement, tags, _) => Tell(measurement, tags));
        listener.SetMeasurementEventCallback<double>((_, measurement, tags, _) => Tell(measurement, tags));
        listener.Start();

        void Tell(double measurement, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var told = tags.ToArray().ToDictionary();
            lock (listener)
                measured(measurement, told);
        }
    }

    public static Measured All(string instrument, Action<double, IReadOnlyDictionary<string, object?>> measured) => new(instrument, measured);

    /// <summary>Asks those instruments that are only asked.</summary>
    public void Ask() => listener.RecordObservableInstruments();

    public void Dispose() => listener.Dispose();
}
