using System.Text.RegularExpressions;

namespace Headwater.Proxies;

public sealed partial class ApacheTests : ProxySpecification
{
    private const string Compression = "AddOutputFilterByType DEFLATE text/event-stream";

    /// <summary>Apache compresses what says that it must not be changed.</summary>
    [Fact]
    public async Task Compression_is_found() =>
        Assert.True((await FindingsWith($"{Compression}\n  SetEnvIf Request_URI \"^/feeds\" !no-gzip")).HasFlag(ProbeFindings.Compressed));

    [Fact]
    public async Task Compression_that_is_on_leaves_streams_alone() => Assert.Equal(ProbeFindings.Fine, await FindingsWith(Compression));

    private protected override string[] Prepare(Site site)
    {
        var configuration = Configuration.Read("apache.conf");
        var modules = Enabled().Match(configuration.Text).Groups[1].Value.Split(' ').Append("deflate").Append("filter").Append("authz_core").Append("mime");
        configuration
            .With("<VirtualHost *:443>", $"<VirtualHost *:{site.Port}>")
            .With("ServerName example.com", "ServerName localhost")
            .With("http://127.0.0.1:5000/", $"http://{site.Origin}/")
            .With("/etc/ssl/example.com.crt", site.CertificateFile)
            .With("/etc/ssl/example.com.key", site.KeyFile)
            .With("timeout=60", $"timeout={site.IdleSeconds}")
            .With("</VirtualHost>", $"  {site.Addition}\n</VirtualHost>");
        File.WriteAllText(site.InFolder("apache.conf"),
            $"""
            ServerRoot {site.Folder}
            DefaultRuntimeDir {site.Folder}
            PidFile {site.InFolder("apache.pid")}
            Mutex file:{site.Folder} default
            ErrorLog {site.InFolder("error.log")}
            LogLevel crit
            ServerName localhost
            DocumentRoot {site.Folder}
            Listen 127.0.0.1:{site.Port}
            {string.Join('\n', modules.Select(module => $"LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so"))}
            TypesConfig /dev/null
            User www-data
            Group www-data
            {configuration.Text}
            """);
        return ["apache2", "-D", "FOREGROUND", "-f", site.InFolder("apache.conf")];
    }

    [GeneratedRegex("a2enmod (.+?) &&")]
    private static partial Regex Enabled();
}
