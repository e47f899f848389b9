using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Headwater;

/// <summary>
/// Ids that grow with time (UUID version 7), so that those made one after the other stand side by side in an index. Chance is
/// drawn from the system in blocks: asking for it each time would cost more than all else about an id.
/// </summary>
internal sealed class TimeOrderedIds(TimeProvider time)
{
    private const int Size = 16;

    private readonly Lock gate = new();
    private readonly byte[] chance = new byte[256 * Size];
    private int used = 256 * Size;

    public Guid Next()
    {
        Span<byte> id = stackalloc byte[Size];
        lock (gate)
        {
            if (used == chance.Length)
            {
                RandomNumberGenerator.Fill(chance);
                used = 0;
            }

            chance.AsSpan(used, Size).CopyTo(id);
            used += Size;
        }

        // 48 bits of milliseconds, then the version and the variant among the random ones.
        var head = (time.GetUtcNow().ToUnixTimeMilliseconds() << 16) | 0x7000 | (BinaryPrimitives.ReadInt64BigEndian(id) & 0x0FFF);
        BinaryPrimitives.WriteInt64BigEndian(id, head);
        id[8] = (byte)(0x80 | (id[8] & 0x3F));
        return new Guid(id, bigEndian: true);
    }
}
