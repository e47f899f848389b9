using System.Net;
using Headwater;
using OpenTelemetry.Metrics;

namespace Departures;

/// <summary>The whole application: what it keeps, what it reads, what it sends, and where all that is found.</summary>
internal static class DeparturesApp
{
    public static WebApplication Build(Settings settings)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, settings.Port));
        builder.Logging.ClearProviders()
            .AddSimpleConsole(console => console.SingleLine = true)
            .AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.Critical);

        builder.Services.AddHeadwater(headwater => headwater
            .UseStoreOf(settings)
            .UseJson(DeparturesJson.Default)
            .AddStream<Flight, FlightEvent>("flight", stream => stream.Tags((flight, _) => [new Tag("airport", flight.Origin)]))
            .AddProjection<Board, BoardRow>("board", board => board.KeyedByStream("flight").Index("airport", "destination", "status"))
            .AddProjection<Airports, AirportRow>("airports", airports => airports.Reads(new LogFilter.Category("flight")))
            .AddFeed("flights", feed => feed.Events("flight").UnderFlightContracts().AllowAnonymous())
            .AddFeed("airport-events", feed => feed.EventsByTag("airport").UnderFlightContracts().AllowAnonymous())
            .AddFeed("board", feed => feed.Rows("board", "board-row").AllowAnonymous())
            .AddFeed("airports", feed => feed.Rows("airports", "airport-row").AllowAnonymous()));

        builder.Services
            .AddSingleton(provider => new SimulatedClock(provider.GetRequiredService<TimeProvider>(), settings.MinutesPerSecond))
            .AddHostedService<Replay>();

        builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddMeter("Headwater").AddPrometheusExporter());

        var app = builder.Build();
        app.UseDefaultFiles();
        app.UseStaticFiles(new StaticFileOptions { OnPrepareResponse = file => file.Context.Response.Headers.CacheControl = "no-cache" });
        app.UseWebSockets();
        app.MapHeadwater();
        app.MapPrometheusScrapingEndpoint();
        app.MapStream<Flight, FlightEvent>("/flights/{flight}")
            .MapCommand<Schedule>("schedule")
            .MapCommand<ChangeGate>("gate")
            .MapCommand<Delay>("delay")
            .MapCommand<Depart>("depart")
            .MapCommand<Arrive>("arrive")
            .MapCommand<Cancel>("cancel")
            .MapCommand<Remark>("remarks");
        app.MapReadModel("/board", "board");
        app.MapReadModel("/airports", "airports");
        app.MapGet("/clock", (SimulatedClock clock) => TypedResults.Json(clock.Face, DeparturesJson.Default.ClockFace));
        return app;
    }

    private static HeadwaterBuilder UseStoreOf(this HeadwaterBuilder headwater, Settings settings) =>
        settings.Postgres is { } connectionString ? headwater.UsePostgres(connectionString) : headwater.UseSqlite(settings.SqliteFile);
}
