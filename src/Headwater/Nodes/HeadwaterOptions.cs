namespace Headwater;

/// <summary>Settings that have a sensible default each. They are checked when the application starts.</summary>
public sealed class HeadwaterOptions
{
    /// <summary>The largest event, in bytes of JSON; 1 MiB by default.</summary>
    public int MaxEventBytes { get; set; } = 1 << 20;

    /// <summary>How many of the newest events are kept in memory for readers; 65,536 by default.</summary>
    public int TailEvents { get; set; } = 1 << 16;

    /// <summary>
    /// How many bytes the newest events kept in memory for readers may take, decoded and encoded forms included; 128 MiB by default.
    /// </summary>
    public long TailBytes { get; set; } = 128 << 20;

    /// <summary>How many events or rows are read at once; 512 by default.</summary>
    public int PageSize { get; set; } = 512;

    /// <summary>How long an event of another process goes unseen at most if every hint is lost; 1 s by default.</summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often a command is decided again after a version conflict before it is given up; 8 by default.</summary>
    public int CommandRetries { get; set; } = 8;

    /// <summary>The largest command body, in bytes; 64 KiB by default.</summary>
    public int MaxCommandBytes { get; set; } = 64 << 10;

    /// <summary>How long deleted rows of a read model can still be told to a client that comes back; 7 days by default.</summary>
    public TimeSpan TombstoneRetention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>How often a quiet feed connection is told its cursor; 15 s by default.</summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How many feeds one connection may follow; 32 by default.</summary>
    public int MaxFeedsPerConnection { get; set; } = 32;

    /// <summary>How many feed connections this process holds at once; 100,000 by default. Who comes beyond it gets 503.</summary>
    public int MaxConnections { get; set; } = 100_000;

    /// <summary>How many feed connections one user may have at this process at once; 100 by default. Who comes beyond it gets 429.</summary>
    public int MaxConnectionsPerUser { get; set; } = 100;

    /// <summary>
    /// How many feed connections may come from one address (of IPv6, one network of 64 bits) to this process at once; 10,000 by default.
    /// Who comes beyond it gets 429. Behind a proxy all come from the proxy's, unless the application uses the middleware for forwarded headers.
    /// </summary>
    public int MaxConnectionsPerAddress { get; set; } = 10_000;

    /// <summary>How many feeds and keys one user may follow on all feed connections together; 1,000 by default. Who comes beyond it gets 429.</summary>
    public int MaxSubscriptionsPerUser { get; set; } = 1000;

    /// <summary>How many feeds and keys may be followed from one address together; 100,000 by default. Who comes beyond it gets 429.</summary>
    public int MaxSubscriptionsPerAddress { get; set; } = 100_000;

    /// <summary>
    /// How many bytes a second one feed connection is sent; any number (0) by default. What comes in one page is sent at once, and then
    /// nothing until that is paid off, so that the client lags and nobody waits for it. Pages that are polled are not held back.
    /// </summary>
    public long MaxBytesPerSecond { get; set; }

    /// <summary>
    /// From which other origins pages may open a WebSocket, such as <c>https://app.example.org</c>; none by default. Pages of the
    /// server's own origin may, and so may clients that are no browsers.
    /// </summary>
    public IList<string> AllowedOrigins { get; } = [];

    /// <summary>Over what time feed connections are closed when the server stops, so that clients do not all come back at once; 2 s by default.</summary>
    public TimeSpan DrainSpread { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// After how long a feed connection is closed at its cursor, so that clients spread again over nodes that came later; 1 h by
    /// default, and a random tenth less, so that those who came together do not come back together. Zero for no end.
    /// </summary>
    public TimeSpan MaxConnectionAge { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How long a client may leave its bytes untaken before its feed connection is closed; 20 s by default.</summary>
    public TimeSpan WriteTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// How long before a client's sign-in expires it is told so on its feed connection, which ends with the sign-in; 30 s by default.
    /// </summary>
    public TimeSpan ExpiryWarning { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How often the rules of a live feed connection are asked again; 5 min by default, zero for never. A connection that they no longer
    /// allow ends.
    /// </summary>
    public TimeSpan RecheckRules { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a query may wait for a read model at most, whatever <c>Prefer: wait</c> asks for; 30 s by default.</summary>
    public TimeSpan MaxWait { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long idempotency keys are remembered; 7 days by default.</summary>
    public TimeSpan ReceiptRetention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>
    /// How long a node may be silent before another one takes over what it runs, where several nodes share a store with leases; 5 s
    /// by default. A node renews three times as often.
    /// </summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How many bytes the messages of all topics may take in memory; 64 MiB by default. Beyond it the fullest keys lose their oldest.</summary>
    public long TopicBytes { get; set; } = 64 << 20;

    internal IEnumerable<string> Mistakes()
    {
        foreach (var origin in AllowedOrigins)
        {
            if (!Uri.TryCreate(origin, UriKind.Absolute, out var uri) || uri.GetLeftPart(UriPartial.Authority) != origin)
                yield return $"HeadwaterOptions.AllowedOrigins has '{origin}'; expected a scheme and a host, in lower case, with a port if it is unusual, such as https://app.example.org.";
        }

        foreach (var (name, value, low, high, unit) in new (string, double, double, double, string)[]
        {
            (nameof(MaxEventBytes), MaxEventBytes, 1024, 64 << 20, " bytes"),
            (nameof(TailEvents), TailEvents, 16, 1 << 24, ""),
            (nameof(TailBytes), TailBytes, 1 << 16, 1L << 36, " bytes"),
            (nameof(PageSize), PageSize, 1, 10_000, ""),
            (nameof(PollInterval), PollInterval.TotalSeconds, 0.001, 3600, " s"),
            (nameof(CommandRetries), CommandRetries, 0, 1000, ""),
            (nameof(MaxCommandBytes), MaxCommandBytes, 256, MaxEventBytes, " bytes"),
            (nameof(TombstoneRetention), TombstoneRetention.TotalSeconds, 1, TimeSpan.FromDays(36500).TotalSeconds, " s"),
            (nameof(Heartbeat), Heartbeat.TotalSeconds, 0.01, 3600, " s"),
            (nameof(MaxFeedsPerConnection), MaxFeedsPerConnection, 1, 1000, ""),
            (nameof(MaxConnections), MaxConnections, 1, 10_000_000, ""),
            (nameof(MaxConnectionsPerUser), MaxConnectionsPerUser, 1, 10_000_000, ""),
            (nameof(MaxConnectionsPerAddress), MaxConnectionsPerAddress, 1, 10_000_000, ""),
            (nameof(MaxSubscriptionsPerUser), MaxSubscriptionsPerUser, 1, 100_000_000, ""),
            (nameof(MaxSubscriptionsPerAddress), MaxSubscriptionsPerAddress, 1, 100_000_000, ""),
            (nameof(MaxBytesPerSecond), MaxBytesPerSecond, 0, 1L << 40, " bytes"),
            (nameof(DrainSpread), DrainSpread.TotalSeconds, 0, 600, " s"),
            (nameof(MaxConnectionAge), MaxConnectionAge.TotalSeconds, 0, TimeSpan.FromDays(30).TotalSeconds, " s"),
            (nameof(WriteTimeout), WriteTimeout.TotalSeconds, 0.1, 3600, " s"),
            (nameof(ExpiryWarning), ExpiryWarning.TotalSeconds, 0, 3600, " s"),
            (nameof(RecheckRules), RecheckRules.TotalSeconds, 0, TimeSpan.FromDays(1).TotalSeconds, " s"),
            (nameof(MaxWait), MaxWait.TotalSeconds, 0, 600, " s"),
            (nameof(LeaseDuration), LeaseDuration.TotalSeconds, 0.1, 3600, " s"),
            (nameof(TopicBytes), TopicBytes, 1 << 20, 1L << 36, " bytes"),
            (nameof(ReceiptRetention), ReceiptRetention.TotalSeconds, 1, TimeSpan.FromDays(36500).TotalSeconds, " s"),
        })
        {
            if (value < low || value > high)
                yield return $"HeadwaterOptions.{name} is {value}{unit}; expected {low} to {high}.";
        }
    }
}
