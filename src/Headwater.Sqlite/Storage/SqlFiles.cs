namespace Headwater;

/// <summary>The .sql files inside this assembly. The source is shared by the adapters for databases.</summary>
internal static class SqlFiles
{
    /// <summary>The texts of a folder's files, in the order of their names.</summary>
    public static IEnumerable<string> Texts(string folder)
    {
        var assembly = typeof(SqlFiles).Assembly;
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(folder + "/", StringComparison.Ordinal)).Order())
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return reader.ReadToEnd();
        }
    }

    /// <summary>The statements of a folder's files, by the names in the lines before them. Other comments of whole lines are left out.</summary>
    public static Dictionary<string, string> Statements(string folder)
    {
        var found = new Dictionary<string, string>();
        foreach (var section in Texts(folder).SelectMany(text => text.Split("-- name: ").Skip(1)))
        {
            var lines = section.Split('\n');
            found.Add(lines[0].Trim(), string.Join('\n', lines.Skip(1).Where(line => !line.StartsWith("--", StringComparison.Ordinal))).Trim());
        }

        return found;
    }
}
