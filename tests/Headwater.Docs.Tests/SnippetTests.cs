using System.Reflection;
using System.Text.RegularExpressions;

namespace Headwater.Docs.Tests;

/// <summary>What the documents show is code that compiles: each snippet stands, line by line, in a file of the build.</summary>
public sealed partial class SnippetTests
{
    private static readonly string repository = Path.GetFullPath(
        typeof(SnippetTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "Repository").Value!);

    public static TheoryData<string> Documents =>
    [
        "README.md", "ARCHITECTURE.md", "GLOSSARY.md", "CONTRIBUTING.md",
        .. Directory.GetFiles(Path.Combine(repository, "docs"), "*.md").Select(file => Path.GetRelativePath(repository, file)),
    ];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Snippets_are_compiled_code(string document)
    {
        var compiled = Directory.GetFiles(Path.Combine(repository, "tests", "Headwater.Docs.Tests", "Snippets"), "*.cs")
            .Append(Path.Combine(repository, "samples", "Taste", "Program.cs"))
            .Select(file => Normal(File.ReadAllText(file))).ToList();
        foreach (Match block in CSharp().Matches(Read(document)))
        {
            var snippet = Normal(block.Groups[1].Value);
            Assert.True(compiled.Exists(code => code.Contains(snippet, StringComparison.Ordinal)),
                $"This snippet of {document} stands in no compiled file:{Environment.NewLine}{block.Groups[1].Value}");
        }
    }

    [Fact]
    public void The_taste_has_at_most_40_lines()
    {
        var readme = Read("README.md");
        var taste = CSharp().Match(readme).Groups[1].Value;
        Assert.Equal(Normal(File.ReadAllText(Path.Combine(repository, "samples", "Taste", "Program.cs"))), Normal(taste));
        var browser = JavaScript().Match(readme).Groups[1].Value;
        Assert.InRange(Lines(taste) + Lines(browser), 1, 40);
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Links_lead_somewhere(string document)
    {
        foreach (Match link in Link().Matches(Read(document)))
        {
            var target = Path.Combine(repository, Path.GetDirectoryName(document)!, link.Groups[1].Value);
            Assert.True(File.Exists(target) || Directory.Exists(target), $"{document} links to {link.Groups[1].Value}, which is not there.");
        }
    }

    private static string Read(string document) => File.ReadAllText(Path.Combine(repository, document));

    private static int Lines(string text) => text.TrimEnd('\n').Split('\n').Length;

    /// <summary>Without indentation and empty lines, which differ between a document and a file.</summary>
    private static string Normal(string text) =>
        string.Join('\n', text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)) + "\n";

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CSharp();

    [GeneratedRegex("```js\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex JavaScript();

    [GeneratedRegex(@"\]\((?!https?:|#)([^)#]+)[^)]*\)")]
    private static partial Regex Link();
}
