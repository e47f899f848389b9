using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Headwater.Tests;

/// <summary>
/// The folders of the core are its rooms, and what may use what is decided here: downwards only, never in a circle. All sources
/// are compiled together, and every name in them is traced to the folder of the type it stands for.
/// </summary>
public sealed class ArchitectureTests
{
    /// <summary>From the top down; a folder uses only those named after its colon.</summary>
    private static readonly Dictionary<string, string[]> arrows = new()
    {
        ["Hosting"] = ["Memory", "Feeds", "Topics", "Projections", "Subscriptions", "Streams", "Log", "Nodes", "Contracts", "Diagnostics"],
        ["Memory"] = ["Projections", "Subscriptions", "Log", "Nodes"],
        ["Feeds"] = ["Topics", "Projections", "Subscriptions", "Log", "Nodes", "Contracts", "Diagnostics"],
        ["Topics"] = ["Log", "Nodes", "Contracts", "Diagnostics"],
        ["Projections"] = ["Subscriptions", "Log", "Nodes", "Contracts", "Diagnostics"],
        ["Subscriptions"] = ["Log", "Nodes", "Diagnostics"],
        ["Streams"] = ["Log", "Nodes", "Contracts", "Diagnostics"],
        ["Log"] = ["Nodes", "Diagnostics"],
        ["Nodes"] = [],
        ["Contracts"] = [],
        ["Diagnostics"] = [],
    };

    private static readonly Lazy<CSharpCompilation> core = new(Compile);

    [Fact]
    public void Every_folder_uses_only_those_below_it()
    {
        var offences = core.Value.SyntaxTrees.SelectMany(tree => Uses(core.Value, tree))
            .Where(use => use.From != use.To && !arrows.GetValueOrDefault(use.From, []).Contains(use.To))
            .Select(use => $"{use.From} uses {use.To}: {use.Type} in {use.Place}")
            .Distinct().Order().ToList();

        Assert.True(offences.Count == 0, string.Join(Environment.NewLine, offences));
    }

    [Fact]
    public void Every_folder_has_its_place()
    {
        Assert.Equal(arrows.Keys.Order(), core.Value.SyntaxTrees.Select(FolderOf).OfType<string>().Distinct().Order());
        var order = arrows.Keys.ToList();
        Assert.All(arrows, arrow => Assert.All(arrow.Value, to => Assert.True(order.IndexOf(to) > order.IndexOf(arrow.Key), $"{arrow.Key} > {to}")));
    }

    /// <summary>The check must be able to fail, and to see a type that is only inferred.</summary>
    [Fact]
    public void An_offence_is_found_even_if_the_type_is_never_written()
    {
        var tree = CSharpSyntaxTree.ParseText(
            "namespace Headwater; internal static class Planted { public static object Look(Log log) { var tail = log.Tail; return tail.Position; } "
            + "public static int Peek(Node node) => node.Options.PageSize; }", path: Path.Combine(Root(), "Log", "Planted.cs"));
        var uses = Uses(core.Value.AddSyntaxTrees(tree), tree).ToList();

        Assert.Contains(uses, use => use is { From: "Log", To: "Hosting", Type: "Node" });
        Assert.Contains(uses, use => use is { From: "Log", To: "Log", Type: "LogTail" });
        Assert.Contains(uses, use => use is { From: "Log", To: "Nodes", Type: "HeadwaterOptions" });
    }

    /// <summary>What is used by its name, by what it returns and by what it is called on.</summary>
    private static IEnumerable<(string From, string To, string Type, string Place)> Uses(CSharpCompilation compilation, SyntaxTree tree)
    {
        if (FolderOf(tree) is not { } from)
            yield break;
        var model = compilation.GetSemanticModel(tree);
        foreach (var node in tree.GetRoot().DescendantNodes().Where(node => node is SimpleNameSyntax or ExpressionSyntax))
        {
            var symbol = model.GetSymbolInfo(node).Symbol;
            foreach (var type in new[] { symbol as INamedTypeSymbol, symbol?.ContainingType, model.GetTypeInfo(node).Type as INamedTypeSymbol }
                .OfType<INamedTypeSymbol>().SelectMany(Parts))
            {
                var to = type.DeclaringSyntaxReferences.Select(reference => FolderOf(reference.SyntaxTree)).FirstOrDefault();
                if (to is not null)
                    yield return (from, to, type.Name, $"{from}/{Path.GetFileName(tree.FilePath)}:{tree.GetLineSpan(node.Span).StartLinePosition.Line + 1}");
            }
        }
    }

    /// <summary>A type and the types it is made of.</summary>
    private static IEnumerable<INamedTypeSymbol> Parts(INamedTypeSymbol type)
    {
        yield return type.OriginalDefinition;
        foreach (var argument in type.TypeArguments.OfType<INamedTypeSymbol>().SelectMany(Parts))
            yield return argument;
    }

    private static string? FolderOf(SyntaxTree tree)
    {
        if (tree.FilePath.Length == 0)
            return null;
        var parts = Path.GetRelativePath(Root(), tree.FilePath).Split(Path.DirectorySeparatorChar);
        return parts.Length > 1 && parts[0] != ".." ? parts[0] : null;
    }

    private static CSharpCompilation Compile()
    {
        var sources = Directory.EnumerateFiles(Root(), "*.cs", SearchOption.AllDirectories)
            .Where(path => Path.GetRelativePath(Root(), path).Split(Path.DirectorySeparatorChar)[0] is not ("bin" or "obj"))
            .Select(path => CSharpSyntaxTree.ParseText(File.ReadAllText(path), path: path));
        var implicitUsings = CSharpSyntaxTree.ParseText(string.Concat(
            new[] { "System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Net.Http", "System.Threading", "System.Threading.Tasks" }
                .Select(name => $"global using {name};")));
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => !Path.GetFileName(path).StartsWith("Headwater", StringComparison.Ordinal))
            .Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create(
            "Headwater", [.. sources, implicitUsings], references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));

        // What a generator would add is missing here (logging and JSON), and only that may be.
        var broken = compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity is DiagnosticSeverity.Error
            && diagnostic.Id is not ("CS8795" or "CS0117" or "CS0534" or "CS7036" or "CS1061")).ToList();
        Assert.True(broken.Count == 0, string.Join(Environment.NewLine, broken));
        return compilation;
    }

    private static string Root([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "src", "Headwater"));
}
