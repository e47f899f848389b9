using System.Text.Json.Serialization;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.Docs.Tests.Outbox;

public sealed class Product
{
    public required string Id { get; init; }

    public decimal Price { get; set; }
}

public sealed class Shop(DbContextOptions<Shop> options) : DbContext(options)
{
    public DbSet<Product> Products => Set<Product>();
}

[JsonDerivedType(typeof(PriceChanged), "price-changed")]
public abstract record ProductEvent
{
    public sealed record PriceChanged(decimal Price) : ProductEvent;
}

public sealed record Price(string Product, decimal Amount);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ProductEvent)), JsonSerializable(typeof(Price))]
internal sealed partial class OutboxJson : JsonSerializerContext;

internal static class PlainCrud
{
    public static WebApplication Build(WebApplicationBuilder builder, string file)
    {
        builder.Services.AddDbContext<Shop>((services, options) => options.UseSqlite($"Data Source={file}").UseHeadwater(services));
        builder.Services.AddHeadwater(headwater => headwater
            .UseSqlite(file, besideOtherTables: true)
            .UseJson(OutboxJson.Default).AddEvents<ProductEvent>()
            .AddFeed("prices", feed => feed
                .Events("product")
                .Contract<ProductEvent.PriceChanged, Price>("price", (e, happened) => new(happened.Stream.Key, e.Price))
                .AllowAnonymous()));

        var app = builder.Build();
        using (var scope = app.Services.CreateScope())
            scope.ServiceProvider.GetRequiredService<Shop>().Database.EnsureCreated();       // or Migrate()
        app.MapHeadwater();
        app.MapPut("/products/{id}/price/{price}", async (string id, decimal price, Shop shop, CancellationToken cancel) =>
        {
            var product = await shop.Products.FindAsync([id], cancel) ?? shop.Add(new Product { Id = id }).Entity;
            product.Price = price;
            shop.Publish(new StreamId("product", id), new ProductEvent.PriceChanged(price));
            await shop.SaveChangesAsync(cancel);                                             // the row and the event, or neither
            return Results.NoContent();
        });
        return app;
    }

    public static async Task<int> PlaceOne(Shop shop, CancellationToken cancel)
    {
        await using var transaction = await shop.Database.BeginTransactionAsync(cancel);
        var product = shop.Add(new Product { Id = "new" }).Entity;
        await shop.SaveChangesAsync(cancel);                 // the database gives the row its keys
        shop.Publish(new StreamId("product", product.Id), new ProductEvent.PriceChanged(product.Price), ExpectedVersion.None);
        await transaction.CommitAsync(cancel);               // appends, then commits
        return 1;
    }
}

internal static class OnPostgres
{
    public static WebApplication Build(WebApplicationBuilder builder, string connectionString)
    {
        builder.Services.AddDbContext<Shop>((services, options) => options.UseNpgsql(connectionString).UseHeadwater(services));
        builder.Services.AddHeadwater(headwater => headwater
            .UsePostgres(connectionString)
            .UseJson(OutboxJson.Default).AddEvents<ProductEvent>());
        return builder.Build();
    }
}

internal static class Dappers
{
    public static async Task<bool> SetPrice(Log log, string id, decimal price, CancellationToken cancel)
    {
        await using var connection = new SqliteConnection("Data Source=data/shop.db");
        await connection.OpenAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.ExecuteAsync("UPDATE Products SET Price = @price WHERE Id = @id", new { id, price }, transaction);

        var result = await log.Append(
            transaction, new StreamId("product", id), ExpectedVersion.Any, [new ProductEvent.PriceChanged(price)], cancel: cancel);
        if (result is not AppendResult.Appended)
            return false;                                    // disposing the transaction rolls it back
        await transaction.CommitAsync(cancel);
        log.Committed();
        return true;
    }
}
