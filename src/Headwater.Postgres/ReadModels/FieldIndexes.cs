using System.Globalization;
using System.Text;
using Npgsql;

namespace Headwater;

/// <summary>
/// The indexes behind the declared fields of read models: each holds a field's text for the rows of one model. They are built
/// without locking out writers, which is why a query also works while one is missing.
/// </summary>
internal static class FieldIndexes
{
    private const int MaxField = 64;

    // Names of more than 63 bytes would be cut off.
    private const int MaxIndexName = 63;

    // An entry of an index has at most 2704 bytes, the row's key included, so long texts are found by their beginning.
    private const int MaxIndexedCharacters = 400;

    /// <summary>The text of the query for rows by fields: parameter 1 is the key to begin after, 2 the limit, the values follow.</summary>
    public static string Query(PostgresDatabase database, string model, IReadOnlyList<FieldValue> fields)
    {
        var conditions = new StringBuilder();
        for (var i = 0; i < fields.Count; i++)
            conditions.Append(CultureInfo.InvariantCulture, 
                $" AND {Beginning(Expression(database, fields[i].Field))} = {Beginning($"${i + 3}")} AND {Expression(database, fields[i].Field)} = ${i + 3}");
        return database.Sql.FindRows.Replace("{model}", Checked(model), StringComparison.Ordinal)
            .Replace("{conditions}", conditions.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Creates the indexes that are missing and drops those that are declared no longer. No row is touched.</summary>
    public static async ValueTask Align(PostgresDatabase database, ReadModelSchema schema, CancellationToken cancel)
    {
        var prefix = $"rows_{Checked(schema.Model)}.";
        var declared = schema.IndexedFields.Distinct().ToDictionary(field => Name(prefix, field));
        var existing = await database.Query(database.Sql.RowIndexes, parameters => parameters.With(prefix), static row =>
            (Name: row.GetString(0), IsValid: row.GetBoolean(2), IsBeingBuilt: row.GetBoolean(3)), cancel);
        foreach (var (name, isValid, isBeingBuilt) in existing)
        {
            // One that another node is building will be valid soon; one that was left unfinished never will.
            if (declared.ContainsKey(name) && (isValid || isBeingBuilt))
                declared.Remove(name);
            else if (!isBeingBuilt)
                await Run(database, $"DROP INDEX CONCURRENTLY IF EXISTS {database.QuotedSchema}.\"{name}\"", cancel);
        }

        foreach (var (name, field) in declared)
            await Run(database,
                $"CREATE INDEX CONCURRENTLY IF NOT EXISTS \"{name}\" ON {database.QuotedSchema}.rows ({Beginning(Expression(database, field))}, key) "
                + $"WHERE model = '{schema.Model}' AND data IS NOT NULL", cancel);
    }

    private static ValueTask<bool> Run(PostgresDatabase database, string sql, CancellationToken cancel) => database.Use(
        sql, static async (database, sql, cancel) =>
        {
            try
            {
                await using var command = database.Source.CreateCommand(sql);
                command.CommandTimeout = 0;
                await command.ExecuteNonQueryAsync(cancel);
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.UniqueViolation
                or PostgresErrorCodes.DuplicateTable or PostgresErrorCodes.UndefinedObject)
            {
                // Another node was at the same index at the same time, and has it done.
            }

            return true;
        }, cancel);

    private static string Name(string prefix, string field) => prefix.Length + field.Length <= MaxIndexName
        ? prefix + Checked(field)
        : throw new ArgumentException($"The field '{field}' cannot be indexed: with '{prefix}' its index's name is longer than {MaxIndexName} characters.");

    private static string Expression(PostgresDatabase database, string field) => $"{database.QuotedSchema}.field(data, '{Checked(field)}')";

    private static string Beginning(string text) => $"left({text}, {MaxIndexedCharacters})";

    private static string Checked(string name) =>
        name is { Length: > 0 and <= MaxField } && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-')
            ? name
            : throw new ArgumentException($"'{name}' cannot be indexed: expected up to {MaxField} ASCII letters, digits, underscores and dashes.");
}
