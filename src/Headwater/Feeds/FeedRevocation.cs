using System.Collections.Concurrent;
using System.Security.Claims;

namespace Headwater;

/// <summary>
/// Ends the live streams of users whose rights were taken away. It knows the connections of this process only: where several nodes
/// serve clients, each must be told. It forbids nothing by itself: change first what the feeds' rules go by, because clients come back.
/// </summary>
public sealed class FeedRevocation
{
    private readonly ConcurrentDictionary<Live, byte> live = [];
    private long revoked;

    internal FeedRevocation()
    {
    }

    /// <summary>How often something was revoked. Who asked the rules before that must ask them again before it is watched.</summary>
    internal long Count => Interlocked.Read(ref revoked);

    /// <summary>Ends the live streams of one user: those whose name, <see cref="ClaimTypes.NameIdentifier"/> or <c>sub</c> it is.</summary>
    /// <param name="user">The user's name or id, exactly as it stands in the claim.</param>
    /// <returns>How many connections of this process end.</returns>
    public int Revoke(string user)
    {
        ArgumentException.ThrowIfNullOrEmpty(user);
        return Revoke(principal => principal.Identities.Any(identity =>
            identity.Name == user || identity.HasClaim(ClaimTypes.NameIdentifier, user) || identity.HasClaim("sub", user)));
    }

    /// <summary>Ends the live streams of all users of a kind, such as those who hold a role.</summary>
    /// <param name="who">Says whether it concerns a user; asked for every connection, those of users who are not signed in included.</param>
    /// <returns>How many connections of this process end.</returns>
    public int Revoke(Func<ClaimsPrincipal, bool> who)
    {
        ArgumentNullException.ThrowIfNull(who);
        Interlocked.Increment(ref revoked);
        var ended = 0;
        foreach (var (each, _) in live)
            if (who(each.User) && live.TryRemove(each, out _))
            {
                each.End();
                ended++;
            }

        return ended;
    }

    /// <summary>Has a connection ended when its user is revoked, until what is returned is disposed.</summary>
    internal IDisposable Watch(ClaimsPrincipal user, Action end)
    {
        var watched = new Live(this, user, end);
        live.TryAdd(watched, 0);
        return watched;
    }

    private sealed class Live(FeedRevocation all, ClaimsPrincipal user, Action end) : IDisposable
    {
        public ClaimsPrincipal User => user;

        public void End() => end();

        public void Dispose() => all.live.TryRemove(this, out _);
    }
}
