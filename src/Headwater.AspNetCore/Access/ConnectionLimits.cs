using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Http;

namespace Headwater.AspNetCore;

/// <summary>Counts what each user, each address and all of them hold open, and refuses what is beyond the limits.</summary>
internal sealed class ConnectionLimits(Node node)
{
    private static readonly TimeSpan retryAfter = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private readonly Dictionary<string, Held> users = [];
    private readonly Dictionary<string, Held> addresses = [];
    private int open;

    public int Open => Volatile.Read(ref open);

    /// <summary>Takes up a connection that follows so many feeds, or only more feeds of one that is counted already.</summary>
    /// <exception cref="ProblemException">One of the limits is reached; nothing was taken up.</exception>
    public void Take(string? user, string? address, int connections, int subscriptions)
    {
        var options = node.Options;
        lock (gate)
        {
            var ofUser = Of(users, user);
            var ofAddress = Of(addresses, address);
            Check("connections", nameof(options.MaxConnections), open + connections, connections > 0 ? options.MaxConnections : int.MaxValue);
            Check("connections-per-user", nameof(options.MaxConnectionsPerUser), ofUser.Connections + connections, options.MaxConnectionsPerUser);
            Check("connections-per-address", nameof(options.MaxConnectionsPerAddress), ofAddress.Connections + connections, options.MaxConnectionsPerAddress);
            Check("subscriptions-per-user", nameof(options.MaxSubscriptionsPerUser), ofUser.Subscriptions + subscriptions, options.MaxSubscriptionsPerUser);
            Check("subscriptions-per-address", nameof(options.MaxSubscriptionsPerAddress), ofAddress.Subscriptions + subscriptions, options.MaxSubscriptionsPerAddress);
            Add(user, address, connections, subscriptions);
        }
    }

    /// <summary>Gives back what was taken up.</summary>
    public void Release(string? user, string? address, int connections, int subscriptions)
    {
        lock (gate)
            Add(user, address, -connections, -subscriptions);
    }

    private void Check(string limit, string option, int wanted, int allowed)
    {
        if (wanted <= allowed)
            return;
        Telemetry.Refusals.Add(1, new KeyValuePair<string, object?>("headwater.limit", limit));
        var isOurs = limit == "connections";
        throw new ProblemException(new Problem(
            isOurs ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status429TooManyRequests,
            isOurs ? "too-many-connections" : $"too-many-{limit}", "Too many at once",
            $"This would make {wanted} {limit.Replace('-', ' ')}, and {allowed} is the limit ({option}). "
            + (isOurs ? "Try another node, or later." : "Close one, or put several feeds on one connection."))
        {
            Members = { ["limit"] = limit, ["expected"] = (long)allowed, ["actual"] = (long)wanted },

            // Those who were refused together must not come back together.
            RetryAfter = retryAfter + node.Jitter(retryAfter),
        });
    }

    private void Add(string? user, string? address, int connections, int subscriptions)
    {
        open += connections;
        Add(users, user, connections, subscriptions);
        Add(addresses, address, connections, subscriptions);
    }

    private static Held Of(Dictionary<string, Held> all, string? who) => who is null ? default : all.GetValueOrDefault(who);

    private static void Add(Dictionary<string, Held> all, string? who, int connections, int subscriptions)
    {
        if (who is null)
            return;
        ref var held = ref CollectionsMarshal.GetValueRefOrAddDefault(all, who, out _);
        held.Connections += connections;
        held.Subscriptions += subscriptions;
        if (held is { Connections: 0, Subscriptions: 0 })
            all.Remove(who);
    }

    private struct Held
    {
        public int Connections;
        public int Subscriptions;
    }
}
