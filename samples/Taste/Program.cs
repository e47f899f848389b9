using System.Text.Json.Serialization;
using Headwater;
using static Headwater.Decision;
var builder = WebApplication.CreateSlimBuilder(args);
builder.Services.AddHeadwater(headwater => headwater
    .UseSqlite("data/taste.db").UseJson(TasteJson.Default).AddStream<Flight, FlightEvent>("flight")
    .AddProjection<Board, BoardRow>("board", board => board.KeyedByStream("flight").Index("gate"))
    .AddFeed("board", feed => feed.Rows("board", contract: "board-row").AllowAnonymous()));
var app = builder.Build();
app.MapHeadwater();                                                                            // feeds, health
app.MapStream<Flight, FlightEvent>("/flights/{flight}").MapCommand<ChangeGate>("gate");
app.MapReadModel("/board", "board");
app.Run();
[JsonDerivedType(typeof(GateChanged), "gate-changed")]
public abstract record FlightEvent { public sealed record GateChanged(string Gate) : FlightEvent; }  // what happened
public sealed record Flight(string? Gate) : IState<Flight, FlightEvent>                        // what is
{
    public static Flight Initial { get; } = new((string?)null);
    public static Flight Evolve(Flight flight, FlightEvent happened) => flight with { Gate = ((FlightEvent.GateChanged)happened).Gate };
}
public sealed record ChangeGate(string Gate) : ICommand<Flight, FlightEvent>                   // what may happen
{
    public Decision<FlightEvent> Decide(Flight flight) =>
        flight.Gate == Gate ? Refuse("same-gate", $"The gate is {Gate} already.") : new FlightEvent.GateChanged(Gate);
}
public sealed record BoardRow(string Flight, string Gate);
public sealed class Board : IProjection<BoardRow>                                              // what is shown
{
    public ValueTask Apply(RecordedEvent happened, Rows<BoardRow> rows, CancellationToken cancel)
    {
        rows.Set(happened.Stream.Key, new(happened.Stream.Key, ((FlightEvent.GateChanged)happened.Event).Gate));
        return default;
    }
}
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase), JsonSerializable(typeof(FlightEvent))]
[JsonSerializable(typeof(Flight)), JsonSerializable(typeof(ChangeGate)), JsonSerializable(typeof(BoardRow))]
internal sealed partial class TasteJson : JsonSerializerContext;
