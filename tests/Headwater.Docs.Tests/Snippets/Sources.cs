using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.Docs.Tests.Sources;

internal static class Legacy
{
    public static void Add(WebApplicationBuilder builder)
    {
        builder.Services.AddHeadwater(headwater => headwater
            .UsePostgres(builder.Configuration.GetConnectionString("Log")!)
            .AddPostgresSource("legacy-outbox", source =>
            {
                source.ConnectionString = builder.Configuration.GetConnectionString("Shop")!;
                source.Table = "shop.outbox";
                source.TagsColumn = "labels";
            }));
    }
}
