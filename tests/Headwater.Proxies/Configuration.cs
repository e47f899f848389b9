using System.Reflection;

namespace Headwater.Proxies;

/// <summary>One of the configurations in docs/deploy, of which a test changes what differs from place to place, and nothing else.</summary>
internal sealed class Configuration
{
    private Configuration(string text) => Text = text;

    public string Text { get; private set; }

    public static Configuration Read(string file)
    {
        var repository = typeof(Configuration).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(each => each.Key == "Repository").Value!;
        return new Configuration(File.ReadAllText(Path.Combine(repository, "docs", "deploy", file)));
    }

    /// <summary>Puts another text in the place of one that must be there once.</summary>
    public Configuration With(string old, string replacement)
    {
        Assert.Equal(2, Text.Split(old).Length);
        Text = Text.Replace(old, replacement, StringComparison.Ordinal);
        return this;
    }
}
