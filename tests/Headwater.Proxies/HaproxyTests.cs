namespace Headwater.Proxies;

public sealed class HaproxyTests : ProxySpecification
{
    [Fact]
    public async Task Compression_that_is_on_leaves_streams_alone() =>
        Assert.Equal(ProbeFindings.Fine, await FindingsWith("compression algo gzip\n  compression type text/event-stream"));

    private protected override string[] Prepare(Site site)
    {
        var configuration = Configuration.Read("haproxy.cfg")
            .With("  user haproxy\n  group haproxy\n", "")
            .With("bind :443", $"bind 127.0.0.1:{site.Port}")
            .With("/etc/haproxy/example.com.pem", site.CertificateAndKeyFile)
            .With("127.0.0.1:5000", site.Origin)
            .With("timeout client 60s", $"timeout client {site.IdleSeconds}s")
            .With("timeout server 60s", $"timeout server {site.IdleSeconds}s\n  {site.Addition}");
        File.WriteAllText(site.InFolder("haproxy.cfg"), configuration.Text);
        return ["haproxy", "-f", site.InFolder("haproxy.cfg"), "-db"];
    }
}
