namespace Headwater.Simulation;

/// <summary>What a client has seen of an event feed: exactly the feed's events, in order, up to where it stands.</summary>
internal sealed class FollowedEvents
{
    private readonly string feed;
    private readonly Func<RecordedEvent, bool> belongs;
    private readonly World world;
    private int next;       // the events of the log before it are seen or not wanted

    private FollowedEvents(string feed, Func<RecordedEvent, bool> belongs, World world) =>
        (this.feed, this.belongs, this.world) = (feed, belongs, world);

    public static FollowedEvents? Of(string feed, string? key, World world)
    {
        Func<RecordedEvent, bool>? belongs = feed switch
        {
            "items" => happened => happened.Stream.Category == "item" && happened.Event is not ItemEvent.Noted
                && (key is null || happened.Stream.Key == key),
            "notes" => happened => happened.Stream.Category == "note",
            "colours" => happened => happened.Event is ItemEvent.Put && happened.Tags.Contains(new Tag("colour", key!)),
            _ => null,
        };
        return belongs is null ? null : new FollowedEvents(feed, belongs, world);
    }

    public bool Sends(string contract) => contract.StartsWith($"{feed}-", StringComparison.Ordinal);

    public void Begin(Position at) => next = world.Truth.CountUpTo(at);

    /// <param name="sent">The event as it came.</param>
    /// <param name="told">Where the client stood before; what comes again from above it is the rest of an event it was cut off in.</param>
    public void Take(Public sent, Position told)
    {
        var which = world.Truth.CountUpTo(new Position(sent.Position)) - 1;
        var happened = which < 0 ? null : world.Truth.Events[which];
        if (happened is null || happened.Position.Value != sent.Position || !belongs(happened))
            world.Fail("3 resume is exact", $"{feed} sent {sent}, which does not belong there.");
        if (Truth.OperationOf(happened!) != sent.Operation || happened!.Version != sent.Version || happened.Stream.ToString() != sent.Stream)
            world.Fail("3 resume is exact", $"{feed} sent {sent}, and the log has {happened!.Stream} v{happened.Version}.");
        if (which < next && happened!.Position <= told)
            world.Fail("3 resume is exact", $"{feed} sent {sent.Position} again to a client that stands at {told}.");
        MoveTo(which, $"{feed} sent {sent.Position}");
        next = Math.Max(next, which + 1);
    }

    public void Told(Position at, string who)
    {
        if (at > world.Truth.Head)
            world.Fail("3 resume is exact", $"{who} was told {at}, and the log ends at {world.Truth.Head}.");
        MoveTo(world.Truth.CountUpTo(at), $"{who} was told {at}");
    }

    private void MoveTo(int which, string when)
    {
        for (; next < which; next++)
            if (belongs(world.Truth.Events[next]))
                world.Fail("1 nothing is skipped", $"{when} without {world.Truth.Events[next].Position} before.");
    }
}
