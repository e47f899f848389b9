namespace Headwater.AspNetCore;

/// <summary>A connection in a crowd. As long as it is there, nobody but the crowd writes to its client.</summary>
internal sealed class Seat(Crowd crowd, FeedConnection client, ICrowdWay way, int batch, Cursor place)
{
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private int told = batch;
    private Cursor reached = place;

    /// <summary>Completes when the crowd writes no more, because the client did not take it all at once or the crowd is over.</summary>
    public Task Ended => ended.Task;

    /// <summary>What reads for the client.</summary>
    public FeedSession Session => crowd.Session;

    public bool HasLeft { get; private set; }

    /// <summary>Whether the way has still something to finish.</summary>
    public bool HasMore { get; private set; }

    /// <summary>Ends what the crowd writes to the client.</summary>
    /// <returns>What the client has been told, apart from what the way has still to <see cref="ICrowdWay.Finish"/>.</returns>
    public Cursor Leave()
    {
        lock (gate)
            HasLeft = true;
        return crowd.PlaceAfter(told, reached);
    }

    /// <returns>Whether it stays.</returns>
    public bool Tell(CrowdText text, int items, int number, Cursor at)
    {
        lock (gate)
        {
            if (HasLeft)
                return false;
            (told, reached) = (number, at);
            HasLeft = HasMore = !way.Send(text);
            client.Counted(items, text.Plain.Length);
        }

        if (HasLeft)
            ended.TrySetResult();
        return !HasLeft;
    }

    public void End() => ended.TrySetResult();
}
