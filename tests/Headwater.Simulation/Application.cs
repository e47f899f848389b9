using System.Text.Json.Serialization;
using static Headwater.Decision;

namespace Headwater.Simulation;

/// <summary>The events of an item. Each carries the operation that led to it, so that the truth can be told by name.</summary>
[JsonDerivedType(typeof(Put), "put")]
[JsonDerivedType(typeof(Noted), "noted")]
[JsonDerivedType(typeof(Removed), "removed")]
[JsonDerivedType(typeof(Spoiled), "spoiled")]
internal abstract record ItemEvent(string Operation)
{
    public sealed record Put(string Operation, int Value) : ItemEvent(Operation);

    /// <summary>Has no contract: it must not leave.</summary>
    public sealed record Noted(string Operation) : ItemEvent(Operation);

    public sealed record Removed(string Operation) : ItemEvent(Operation);

    /// <summary>The handlers that skip errors throw at it.</summary>
    public sealed record Spoiled(string Operation) : ItemEvent(Operation);
}

internal sealed record Item(bool IsThere, int Value) : IState<Item, ItemEvent>
{
    public static Item Initial { get; } = new(false, 0);

    public static Item Evolve(Item state, ItemEvent happened) => happened switch
    {
        ItemEvent.Put put => new Item(true, put.Value),
        ItemEvent.Removed => state with { IsThere = false },
        _ => state,
    };
}

/// <summary>Puts a value; now and then it takes two events.</summary>
internal sealed record PutItem(string Operation, int Value) : ICommand<Item, ItemEvent>
{
    public Decision<ItemEvent> Decide(Item state) => Value % 4 == 0
        ? [new ItemEvent.Noted(Operation), new ItemEvent.Put(Operation, Value)]
        : new ItemEvent.Put(Operation, Value);
}

internal sealed record RemoveItem(string Operation) : ICommand<Item, ItemEvent>
{
    public Decision<ItemEvent> Decide(Item state) =>
        state.IsThere ? new ItemEvent.Removed(Operation) : Refuse("not-there", "There is nothing to remove.");
}

internal sealed record SpoilItem(string Operation) : ICommand<Item, ItemEvent>
{
    public Decision<ItemEvent> Decide(Item state) => new ItemEvent.Spoiled(Operation);
}

[JsonDerivedType(typeof(Written), "written")]
internal abstract record NoteEvent(string Operation)
{
    public sealed record Written(string Operation) : NoteEvent(Operation);
}

internal sealed record Note(int Count) : IState<Note, NoteEvent>
{
    public static Note Initial { get; } = new(0);

    public static Note Evolve(Note state, NoteEvent happened) => new(state.Count + 1);
}

/// <summary>A row of every read model. It says itself what it was made of, so a row that goes back is seen.</summary>
/// <param name="Count">How many events made it.</param>
/// <param name="Sum">Of what they carried.</param>
/// <param name="Last">The position of the last of them.</param>
internal sealed record Row(long Count, long Sum, long Last);

/// <summary>What leaves of an event.</summary>
internal sealed record Public(string Operation, string Stream, long Version, long Position);

[JsonSourceGenerationOptions]
[JsonSerializable(typeof(ItemEvent))]
[JsonSerializable(typeof(NoteEvent))]
[JsonSerializable(typeof(Row))]
[JsonSerializable(typeof(Public))]
[JsonSerializable(typeof(RowFrame))]
internal sealed partial class Json : JsonSerializerContext;

/// <summary>A row as it leaves.</summary>
internal sealed record RowFrame(
    [property: JsonPropertyName("key")] string Key, [property: JsonPropertyName("row")] Row? Row);
