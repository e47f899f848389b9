using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Headwater.Simulation;

/// <summary>What every process of a world declares, and how one is put together.</summary>
internal static class Nodes
{
    public static HeadwaterBuilder Declare(HeadwaterOptions options, IServiceCollection? services = null) =>
        new HeadwaterBuilder(services ?? new ServiceCollection())
            .Configure(each =>
            {
                each.PageSize = options.PageSize;
                each.TailEvents = options.TailEvents;
                each.TailBytes = options.TailBytes;
                each.TombstoneRetention = options.TombstoneRetention;
            })
            .UseJson(Json.Default)
            .AddStream<Item, ItemEvent>("item", type => type.Tags((item, _) => [new Tag("colour", Colour(item.Value))]))
            .AddStream<Note, NoteEvent>("note")
            .AddProjection<BoardProjection, Row>("board", projection => projection.KeyedByStream("item"))
            .AddProjection<TotalsProjection, Row>("totals")
            .AddProjection<FragileProjection, Row>("fragile", projection => projection.OnError(ErrorPolicy.Skip))
            .AddProjection<CurrentProjection, Row>("current", projection => projection.Reads(new LogFilter.Category("item")).Inline())
            .AddSubscription<Mailer>("mailer", subscription => subscription.Reads(new LogFilter.Category("item")))
            .AddSubscription<Teller>("teller", subscription => subscription.OnError(ErrorPolicy.Skip))
            .AddFeed("items", feed => feed.Events("item")
                .Contract<ItemEvent.Put, Public>("items-put", Show)
                .Contract<ItemEvent.Removed, Public>("items-removed", Show)
                .Contract<ItemEvent.Spoiled, Public>("items-spoiled", Show).AllowAnonymous())
            .AddFeed("notes", feed => feed.Events("note").Contract<NoteEvent.Written, Public>("notes-written", Show).AllowAnonymous())
            .AddFeed("colours", feed => feed.EventsByTag("colour").Contract<ItemEvent.Put, Public>("colours-put", Show).AllowAnonymous())
            .AddFeed("board", feed => feed.Rows("board", "board").AllowAnonymous())
            .AddFeed("totals", feed => feed.Rows("totals", "totals").AllowAnonymous())
            .AddFeed("current", feed => feed.Rows("current", "current").AllowAnonymous());

    /// <summary>Tags follow the state after the event, of which the value is all that matters here.</summary>
    public static string Colour(int value) => value % 2 == 0 ? "red" : "blue";

    public static (Node Node, Decider<Item, ItemEvent> Items) Build(
        HeadwaterOptions options, Stores stores, ISignal signal, Surroundings surroundings, Outside outside, ILoggerFactory loggers)
    {
        var services = new ServiceCollection();
        var declared = Declare(options, services);
        Node? node = null;
        services.AddSingleton(_ => node!.Log);
        services.AddSingleton(outside);
        var provider = services.BuildServiceProvider();
        node = new Node(declared, provider, stores.Log, stores.ReadModels, stores.Checkpoints, signal, null, surroundings, loggers);
        return (node, provider.GetRequiredService<Decider<Item, ItemEvent>>());
    }

    private static Public Show<TEvent>(TEvent happened, RecordedEvent recorded) =>
        new(Truth.OperationOf(recorded), recorded.Stream.ToString(), recorded.Version, recorded.Position.Value);
}
