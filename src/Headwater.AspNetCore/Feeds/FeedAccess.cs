
namespace Headwater.AspNetCore;

/// <summary>Finds the feeds that a client names, on whatever transport, and lets it have those that their rules allow.</summary>
internal sealed class FeedAccess(Node node)
{
    /// <summary>The feeds asked for. The rule of each is asked, so this is done again at every resume.</summary>
    /// <param name="asked">Each <c>feed</c> or <c>feed/key</c>. What is asked for twice comes once.</param>
    /// <param name="caller">Who asks, perhaps not authenticated.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="ProblemException">There is no such feed, the caller may not follow it, or too many are asked for.</exception>
    public async ValueTask<FeedRequest[]> Resolve(IEnumerable<string> asked, Caller caller, CancellationToken cancel)
    {
        string[] names = [.. asked.Where(name => name.Length > 0).Distinct()];
        if (names.Length == 0 || names.Length > node.Options.MaxFeedsPerConnection)
            throw new ProblemException(Problem.BadParameter("feed",
                $"{names.Length} feeds are asked for; expected 1 to {node.Options.MaxFeedsPerConnection}, as in /feeds?feed=a&feed=b/42."));

        var requests = new FeedRequest[names.Length];
        for (var i = 0; i < names.Length; i++)
            requests[i] = await Resolve(names[i], caller, cancel);
        return requests;
    }

    private async ValueTask<FeedRequest> Resolve(string asked, Caller caller, CancellationToken cancel)
    {
        var slash = asked.IndexOf('/', StringComparison.Ordinal);
        var (name, key) = slash < 0 ? (asked, null) : (asked[..slash], asked[(slash + 1)..]);
        if (!node.Feeds.TryGetValue(name, out var feed))
            throw new ProblemException(Problem.NotFound($"There is no feed '{name}'."));
        if (key is { Length: 0 or > 256 } || key?.Any(char.IsControl) is true || feed is EventFeed events && (key is null ? events.Filter : events.FilterOf(key)) is null)
            throw new ProblemException(Problem.NotFound(key is null ? $"The feed '{name}' needs a key, as in /feeds/{name}/..." : $"The feed '{name}' has no such key."));
        if (!await feed.Allows(new FeedSubscriber(caller.User, name, key) { Caller = caller }, cancel))
            throw new ProblemException(Problem.NotAllowed(caller.User, $"follow '{asked}'"));
        return new FeedRequest(feed, key);
    }
}
