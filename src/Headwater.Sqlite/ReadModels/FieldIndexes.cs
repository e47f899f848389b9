using System.Globalization;
using System.Text;

namespace Headwater;

/// <summary>
/// The indexes behind the declared fields of read models: each holds a field's text for the rows of one model. SQLite uses such
/// an index only for a query that repeats its text, so the names of models and fields stand in it, and are checked first.
/// </summary>
internal static class FieldIndexes
{
    private const int MaxField = 64;

    /// <summary>The text of the query for rows by fields: parameter 1 is the key to begin after, 2 the limit, the values follow.</summary>
    public static string Query(string model, IReadOnlyList<FieldValue> fields)
    {
        var conditions = new StringBuilder();
        for (var i = 0; i < fields.Count; i++)
            conditions.Append(CultureInfo.InvariantCulture, $" AND {Expression(fields[i].Field)} = ?{i + 3}");
        return Sql.FindRows.Text.Replace("{model}", Checked(model), StringComparison.Ordinal)
            .Replace("{conditions}", conditions.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Creates the indexes that are missing and drops those that are declared no longer. No row is touched.</summary>
    public static void Align(Session session, ReadModelSchema schema)
    {
        var prefix = $"rows_{Checked(schema.Model)}_";
        var declared = schema.IndexedFields.Distinct().ToDictionary(field => prefix + Checked(field), field => Definition(prefix, schema.Model, field));
        foreach (var (name, sql) in Existing(session, prefix))
            if (!declared.Remove(name, out var wanted) || wanted != sql)
                session.RunScript($"DROP INDEX \"{name}\"; {wanted}");
        foreach (var definition in declared.Values)
            session.RunScript(definition);
    }

    private static List<(string Name, string Sql)> Existing(Session session, string prefix)
    {
        var existing = new List<(string, string)>();
        using var rows = session.Use(Sql.RowIndexes);
        rows.Bind(1, prefix);
        while (rows.Step())
            existing.Add((rows.Text(0), rows.Text(1)));
        return existing;
    }

    private static string Definition(string prefix, string model, string field) =>
        $"CREATE INDEX \"{prefix}{field}\" ON rows ({Expression(field)}) WHERE model = '{model}' AND data IS NOT NULL";

    /// <summary>A string's characters, or a number or truth value as it stands in the JSON; nothing else can be found.</summary>
    private static string Expression(string field)
    {
        var path = $"'$.\"{Checked(field)}\"'";
        return $"CASE json_type(data, {path}) WHEN 'text' THEN data ->> {path} WHEN 'null' THEN NULL WHEN 'object' THEN NULL "
            + $"WHEN 'array' THEN NULL ELSE data -> {path} END";
    }

    private static string Checked(string name) =>
        name is { Length: > 0 and <= MaxField } && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-')
            ? name
            : throw new ArgumentException($"'{name}' cannot be indexed: expected up to {MaxField} ASCII letters, digits, underscores and dashes.");
}
