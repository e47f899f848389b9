using System.Text.Json.Serialization;
using static Headwater.Decision;

namespace Headwater.AspNetCore.Tests;

[JsonDerivedType(typeof(Opened), "order-opened")]
[JsonDerivedType(typeof(ItemAdded), "order-item-added")]
[JsonDerivedType(typeof(Closed), "order-closed")]
[JsonDerivedType(typeof(Noted), "order-noted")]
public abstract record OrderEvent
{
    public sealed record Opened(string Customer) : OrderEvent;

    public sealed record ItemAdded(string Item, int Count) : OrderEvent;

    public sealed record Closed : OrderEvent;

    /// <summary>Has no contract, so it stays inside.</summary>
    public sealed record Noted(string Secret) : OrderEvent;
}

public sealed record Order(string? Customer, int Items, bool IsClosed) : IState<Order, OrderEvent>
{
    public static Order Initial { get; } = new(null, 0, false);

    public static Order Evolve(Order order, OrderEvent happened) => happened switch
    {
        OrderEvent.Opened e => order with { Customer = e.Customer },
        OrderEvent.ItemAdded e => order with { Items = order.Items + e.Count },
        OrderEvent.Closed => order with { IsClosed = true },
        _ => order,
    };
}

public sealed record Open(string Customer) : ICommand<Order, OrderEvent>
{
    public Decision<OrderEvent> Decide(Order order) =>
        order.Customer is null ? new OrderEvent.Opened(Customer) : Refuse("order-open", "The order is open already.");
}

public sealed record AddItem(string Item, int Count) : ICommand<Order, OrderEvent>
{
    public Decision<OrderEvent> Decide(Order order) => (order, this) switch
    {
        ({ IsClosed: true }, _) => Refuse("order-closed", "A closed order takes no items."),
        (_, { Count: < 1 }) => Invalid("no-count", "Count is at least 1."),
        _ => new OrderEvent.ItemAdded(Item, Count),
    };
}

public sealed record Close : ICommand<Order, OrderEvent>
{
    public Decision<OrderEvent> Decide(Order order) => order.IsClosed ? [] : new OrderEvent.Closed();
}

public sealed record Note(string Secret) : ICommand<Order, OrderEvent>
{
    public Decision<OrderEvent> Decide(Order order) => new OrderEvent.Noted(Secret);
}

public sealed record OrderRow(string Order, string? Customer, int Items);

public sealed class OrderList : IProjection<OrderRow>
{
    public async ValueTask Apply(RecordedEvent happened, Rows<OrderRow> rows, CancellationToken cancel)
    {
        var key = happened.Stream.Key;
        var row = await rows.Get(key, cancel) ?? new OrderRow(key, null, 0);
        switch (happened.Event)
        {
            case OrderEvent.Opened e:
                rows.Set(key, row with { Customer = e.Customer });
                break;
            case OrderEvent.ItemAdded e:
                rows.Set(key, row with { Items = row.Items + e.Count });
                break;
            case OrderEvent.Closed:
                await rows.Delete(key, cancel);
                break;
        }
    }
}

public sealed record ItemAddedContract(string Order, string Item, int Count);

public sealed record OpenedContract(string Order, string Customer);

public sealed record ClosedContract(string Order);

[JsonSourceGenerationOptions(System.Text.Json.JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(OrderEvent))]
[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(OrderRow))]
[JsonSerializable(typeof(Open))]
[JsonSerializable(typeof(AddItem))]
[JsonSerializable(typeof(Close))]
[JsonSerializable(typeof(Note))]
[JsonSerializable(typeof(OpenedContract))]
[JsonSerializable(typeof(ItemAddedContract))]
[JsonSerializable(typeof(ClosedContract))]
internal sealed partial class OrdersJson : JsonSerializerContext;
