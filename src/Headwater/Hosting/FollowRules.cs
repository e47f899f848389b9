namespace Headwater;

/// <summary>Who may follow something, as it was declared: everybody, or whom all rules allow, or nobody.</summary>
internal sealed class FollowRules
{
    private readonly List<Func<IServiceProvider, FeedRule>> rules = [];

    public bool IsPublic { get; private set; }

    public void AllowEverybody() => IsPublic = true;

    public void Add(FeedRule allowed)
    {
        ArgumentNullException.ThrowIfNull(allowed);
        rules.Add(_ => allowed);
    }

    public void Add(Func<IServiceProvider, FeedRule> rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        rules.Add(rule);
    }

    /// <param name="services">The application's own.</param>
    /// <param name="what">What they are for, for the error.</param>
    /// <exception cref="InvalidOperationException">It allows everybody, and has a rule as well.</exception>
    public IReadOnlyList<FeedRule> Build(IServiceProvider services, string what) => IsPublic && rules.Count > 0
        ? throw new InvalidOperationException($"{what} allows everybody and has a rule as well; keep AllowAnonymous or the rule.")
        : [.. rules.Select(make => make(services))];
}
