namespace Headwater.Specifications;

/// <summary>
/// A test's clock for stamps, and real time for waiting: who waits for another's lock would wait for ever by a clock that stands still.
/// </summary>
public sealed class StampingTime(TimeProvider stamps) : TimeProvider
{
    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => stamps.GetUtcNow();
}
