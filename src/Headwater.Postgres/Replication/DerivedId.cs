using System.Security.Cryptography;
using System.Text;
using NpgsqlTypes;

namespace Headwater;

/// <summary>
/// An event id for what came without one: the same whenever it is read, because it is made of its place in the server's write-ahead log.
/// </summary>
internal static class DerivedId
{
    public static Guid Of(string system, string slot, NpgsqlLogSequenceNumber commit, int number)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{system}/{slot}/{commit}/{number}"), digest);

        // Version 8 is the one for ids made in a way of one's own.
        digest[6] = (byte)(0x80 | (digest[6] & 0x0F));
        digest[8] = (byte)(0x80 | (digest[8] & 0x3F));
        return new Guid(digest[..16], bigEndian: true);
    }
}
