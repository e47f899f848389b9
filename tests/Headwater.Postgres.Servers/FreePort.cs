using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Headwater.Postgres.Servers;

/// <summary>
/// Finds loopback ports below those the system gives to outgoing connections: one of these could be taken while its server is
/// restarted, even by a client that connects to itself.
/// </summary>
internal static class FreePort
{
    private const int Lowest = 15_000;

    public static int Next()
    {
        var range = File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split('\t', ' ');
        var below = Math.Max(Lowest + 1000, int.Parse(range[0], CultureInfo.InvariantCulture));
        while (true)
        {
            var port = Random.Shared.Next(Lowest, below);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken; the next one.
            }
        }
    }
}
