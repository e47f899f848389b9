using System.Text.Json.Serialization;
using Microsoft.EntityFrameworkCore;

namespace Headwater.EntityFrameworkCore.Tests;

/// <summary>A plain context: ordinary tables, and no events of its own.</summary>
public sealed class Shop(DbContextOptions<Shop> options) : DbContext(options)
{
    public DbSet<Order> Orders => Set<Order>();

    protected override void OnModelCreating(ModelBuilder modelBuilder) =>
        modelBuilder.Entity<Order>(order => order.HasIndex(each => each.Number).IsUnique());
}

public sealed class Order
{
    public int Id { get; set; }

    public required string Number { get; set; }

    [System.ComponentModel.DataAnnotations.ConcurrencyCheck]
    public int Lines { get; set; }
}

[JsonDerivedType(typeof(Placed), "placed")]
public abstract record OrderEvent
{
    public sealed record Placed(string Number) : OrderEvent;
}

[JsonSerializable(typeof(OrderEvent))]
internal sealed partial class ShopJson : JsonSerializerContext;
