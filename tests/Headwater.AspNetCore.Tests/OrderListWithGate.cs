namespace Headwater.AspNetCore.Tests;

/// <summary>A projection that hangs at the events of one stream until it is let go.</summary>
public sealed class OrderListWithGate(Task gate, string slowKey) : IProjection<OrderRow>
{
    public async ValueTask Apply(RecordedEvent happened, Rows<OrderRow> rows, CancellationToken cancel)
    {
        if (happened.Stream.Key == slowKey)
            await gate.WaitAsync(cancel);
        rows.Set(happened.Stream.Key, new OrderRow(happened.Stream.Key, null, 0));
    }
}
