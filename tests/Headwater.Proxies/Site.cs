using System.Net;
using System.Net.Security;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Headwater.Postgres.Servers;

namespace Headwater.Proxies;

/// <summary>What a proxy is started with: where it listens, what stands behind it, its certificate and its folder.</summary>
internal sealed class Site : IDisposable
{
    private readonly X509Certificate2 certificate;

    public Site(Uri origin)
    {
        Origin = origin.Authority;
        Folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"headwater-proxy-{Guid.NewGuid():n}")).FullName;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(7));
        PublicKeyHash = Convert.ToBase64String(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));

        var pem = certificate.ExportCertificatePem();
        File.WriteAllText(CertificateFile, pem);
        File.WriteAllText(KeyFile, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(CertificateAndKeyFile, $"{pem}\n{key.ExportPkcs8PrivateKeyPem()}\n");
    }

    public int Port { get; } = FreePort.Next();

    /// <summary>The application's host and port.</summary>
    public string Origin { get; }

    /// <summary>For how many seconds an answer may be quiet.</summary>
    public int IdleSeconds { get; init; } = 60;

    /// <summary>A line of the configuration that somebody adds to the site, to its own harm perhaps.</summary>
    public string Addition { get; init; } = "";

    public string Folder { get; }

    public string CertificateFile => InFolder("site.crt");

    public string KeyFile => InFolder("site.key");

    public string CertificateAndKeyFile => InFolder("site.pem");

    /// <summary>What Chromium knows the certificate by.</summary>
    public string PublicKeyHash { get; }

    public string InFolder(string file) => Path.Combine(Folder, file);

    /// <summary>A client that speaks one version of HTTP, over TLS, and trusts this site only.</summary>
    public HttpClient Client(Version version) => new(new OneVersion(version, new SocketsHttpHandler
    {
        SslOptions = { RemoteCertificateValidationCallback = IsOwn },
    }))
    {
        BaseAddress = new Uri($"https://localhost:{Port}"),
    };

    public async Task<ClientWebSocket> Connect(string path)
    {
        var socket = new ClientWebSocket { Options = { RemoteCertificateValidationCallback = IsOwn } };
        await socket.ConnectAsync(new Uri($"wss://localhost:{Port}{path}"), CancellationToken.None);
        return socket;
    }

    public void Dispose() => certificate.Dispose();

    private bool IsOwn(object sender, X509Certificate? shown, X509Chain? chain, SslPolicyErrors errors) =>
        shown?.GetCertHashString() == certificate.GetCertHashString();

    private sealed class OneVersion(Version version, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            (request.Version, request.VersionPolicy) = (version, HttpVersionPolicy.RequestVersionExact);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
