using System.Text.Json.Serialization;
using static Headwater.Decision;

namespace Headwater.Tests;

[JsonDerivedType(typeof(Opened), "opened")]
[JsonDerivedType(typeof(LineAdded), "line-added")]
[JsonDerivedType(typeof(Removed), "removed")]
public abstract record OrderEvent
{
    public sealed record Opened(string Customer) : OrderEvent
    {
        public string Customer { get; } = Customer is "" ? throw new ArgumentException("A customer has a name.") : Customer;
    }

    public sealed record LineAdded(string Product, int Quantity) : OrderEvent;

    public sealed record Removed : OrderEvent;
}

public sealed record Order(string? Customer, int Quantity) : IState<Order, OrderEvent>
{
    public static Order Initial { get; } = new(null, 0);

    public static Order Evolve(Order order, OrderEvent happened) => happened switch
    {
        OrderEvent.Opened e => order with { Customer = e.Customer },
        OrderEvent.LineAdded e => order with { Quantity = order.Quantity + e.Quantity },
        _ => Initial,
    };
}

public sealed record Open(string Customer) : ICommand<Order, OrderEvent>
{
    public Decision<OrderEvent> Decide(Order order) => order.Customer == Customer ? [] : new OrderEvent.Opened(Customer);
}

public sealed record AddLine(string Product, int Quantity) : ICommand<Order, OrderEvent>
{
    public Decision<OrderEvent> Decide(Order order) =>
        order.Customer is null ? Refuse("not-open", "The order is not open.")
        : Quantity < 1 ? Invalid("no-quantity", "Quantity is at least 1.")
        : new OrderEvent.LineAdded(Product, Quantity);
}

public sealed record OrderRow(string Customer, int Quantity);

/// <summary>One row per order, keyed by its stream; removed with the order.</summary>
internal sealed class OrderRows : IProjection<OrderRow>
{
    /// <summary>Called before each event; a test may wait or throw here.</summary>
    public Func<RecordedEvent, ValueTask> Before { get; set; } = _ => ValueTask.CompletedTask;

    public async ValueTask Apply(RecordedEvent happened, Rows<OrderRow> rows, CancellationToken cancel)
    {
        await Before(happened);
        var key = happened.Stream.Key;
        switch (happened.Event)
        {
            case OrderEvent.Opened e:
                rows.Set(key, new OrderRow(e.Customer, 0));
                break;
            case OrderEvent.LineAdded e when await rows.Get(key, cancel) is { } row:
                rows.Set(key, row with { Quantity = row.Quantity + e.Quantity });
                break;
            case OrderEvent.Removed:
                await rows.Delete(key, cancel);
                break;
        }
    }
}

public sealed record PartRow(int Number);

/// <summary>Every event changes three rows at once.</summary>
internal sealed class PartRows : IProjection<PartRow>
{
    public ValueTask Apply(RecordedEvent happened, Rows<PartRow> rows, CancellationToken cancel)
    {
        for (var part = 1; part <= 3; part++)
            rows.Set($"{happened.Stream.Key}/{part}", new PartRow(part));
        return ValueTask.CompletedTask;
    }
}

public sealed record MeanRow(double Mean);

/// <summary>Divides by the quantity, and a quotient by zero has no JSON.</summary>
internal sealed class MeanRows : IProjection<MeanRow>
{
    public ValueTask Apply(RecordedEvent happened, Rows<MeanRow> rows, CancellationToken cancel)
    {
        rows.Set(happened.Stream.Key, new MeanRow(1.0 / ((OrderEvent.LineAdded)happened.Event).Quantity));
        return ValueTask.CompletedTask;
    }
}

public sealed record OrderOpened(string Order, string Customer);

public sealed record OrderLine(string Order, string Product);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(OrderEvent))]
[JsonSerializable(typeof(OrderRow))]
[JsonSerializable(typeof(PartRow))]
[JsonSerializable(typeof(MeanRow))]
[JsonSerializable(typeof(OrderOpened))]
[JsonSerializable(typeof(OrderLine))]
internal sealed partial class OrdersJson : JsonSerializerContext;
