namespace Headwater.Proxies;

public sealed class NginxTests : ProxySpecification
{
    /// <summary>Over HTTP/1.1, where nginx gathers what is small; over HTTP/2 it does not.</summary>
    [Fact]
    public async Task Buffering_against_the_answers_will_is_found() =>
        Assert.Equal(ProbeFindings.Buffered, await FindingsWith("proxy_ignore_headers X-Accel-Buffering;", version: 1));

    [Fact]
    public async Task Compression_against_the_answers_will_is_found() => Assert.True((await FindingsWith(
        "gzip on; gzip_proxied any; gzip_types text/event-stream; proxy_hide_header Content-Encoding;")).HasFlag(ProbeFindings.Compressed));

    [Fact]
    public async Task Compression_that_is_on_leaves_streams_alone() =>
        Assert.Equal(ProbeFindings.Fine, await FindingsWith("gzip on; gzip_proxied any; gzip_types text/event-stream;"));

    private protected override string[] Prepare(Site site)
    {
        var configuration = Configuration.Read("nginx.conf")
            .With("127.0.0.1:5000", site.Origin)
            .With("listen 443", $"{site.Addition} listen 127.0.0.1:{site.Port}")
            .With("server_name example.com", "server_name localhost")
            .With("/etc/ssl/example.com.crt", site.CertificateFile)
            .With("/etc/ssl/example.com.key", site.KeyFile)
            .With("proxy_read_timeout 60s", $"proxy_read_timeout {site.IdleSeconds}s");
        File.WriteAllText(site.InFolder("nginx.conf"),
            $$"""
            daemon off;
            pid nginx.pid;
            worker_processes 1;
            error_log stderr crit;
            events { worker_connections 512; }
            http {
              access_log off;
              client_body_temp_path body;
              proxy_temp_path proxy;
              fastcgi_temp_path fastcgi;
              uwsgi_temp_path uwsgi;
              scgi_temp_path scgi;
              {{configuration.Text}}
            }
            """);
        return ["nginx", "-p", site.Folder, "-c", site.InFolder("nginx.conf")];
    }
}
