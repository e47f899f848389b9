using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;

namespace Headwater.Docs.Tests.Snippets;

internal static class Deploy
{
    public static void KeepTheServersBuffers(IServiceCollection services)
    {
        services.Configure<SocketTransportOptions>(options => options.MaxWriteBufferSize = 128 << 10);
    }
}
