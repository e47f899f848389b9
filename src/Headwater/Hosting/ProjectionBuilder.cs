namespace Headwater;

/// <summary>Says what a projection reads, how its rows are found, and when it runs.</summary>
public sealed class ProjectionBuilder
{
    private readonly List<string> indexedFields = [];

    internal ProjectionBuilder(string name, Func<IServiceProvider, ProjectionHandler> handler)
    {
        Name = Names.Check(name, "projection");
        Handler = handler;
    }

    internal string Name { get; }

    internal Func<IServiceProvider, ProjectionHandler> Handler { get; }

    internal Type? RowType { get; init; }

    internal LogFilter Filter { get; private set; } = LogFilter.Everything;

    internal ErrorPolicy Policy { get; private set; }

    internal bool IsInline { get; private set; }

    internal string? KeyedByCategory { get; private set; }

    internal string? Database { get; private set; }

    internal ReadModelSchema Schema => new(Name, indexedFields);

    /// <summary>Reads only these events; every event by default. It takes back <see cref="KeyedByStream"/>.</summary>
    public ProjectionBuilder Reads(LogFilter filter)
    {
        Filter = filter;
        KeyedByCategory = null;
        return this;
    }

    /// <summary>
    /// Says that the row of a key depends on the stream of that key in this category alone, and reads only that category. A
    /// query for one row then waits only for events of that stream.
    /// </summary>
    public ProjectionBuilder KeyedByStream(string category)
    {
        Filter = new LogFilter.Category(category);
        KeyedByCategory = category;
        return this;
    }

    /// <summary>Declares top-level fields, by their JSON names, that rows are found by; each gets an index.</summary>
    public ProjectionBuilder Index(params string[] fields)
    {
        indexedFields.AddRange(fields);
        return this;
    }

    /// <summary>Runs in the transaction of the append instead of soon after it: always current, paid by the writer.</summary>
    public ProjectionBuilder Inline()
    {
        IsInline = true;
        return this;
    }

    /// <summary>
    /// Keeps rows and checkpoint in another database than the log's, which was added under this name (by <c>AddPostgresReadModels</c> or
    /// <c>AddSqliteReadModels</c>). An inline projection cannot: its rows are written in the transaction of the append.
    /// </summary>
    public ProjectionBuilder KeptIn(string database)
    {
        Database = database;
        return this;
    }

    /// <summary>What to do with an event the projection throws at; <see cref="ErrorPolicy.Stop"/> by default.</summary>
    public ProjectionBuilder OnError(ErrorPolicy policy)
    {
        Policy = policy;
        return this;
    }

    internal IEnumerable<string> Mistakes(ApplicationJson json, IReadOnlyCollection<string> databases)
    {
        if (SubscriptionBuilder.Mistake(Name, Policy) is { } mistake)
            yield return mistake;
        if (IsInline && Policy is not ErrorPolicy.Stop)
            yield return $"The inline projection '{Name}' cannot skip events: an event it cannot handle undoes its append.";
        if (IsInline && Database is not null)
            yield return $"The inline projection '{Name}' cannot be kept in '{Database}': its rows are written in the transaction of the append.";
        if (Database is not null && !databases.Contains(Database))
            yield return $"Projection '{Name}' is kept in '{Database}', and no database of that name was added"
                + (databases.Count == 0 ? "; add it with AddPostgresReadModels or AddSqliteReadModels." : $"; there are {string.Join(", ", databases)}.");
        var fields = RowType is null ? [] : json.Of(RowType).Properties.Select(property => property.Name).ToHashSet();
        foreach (var field in indexedFields.Where(field => !fields.Contains(field)))
            yield return $"Projection '{Name}' indexes '{field}', which its rows do not have; they have {string.Join(", ", fields)}.";
    }
}
